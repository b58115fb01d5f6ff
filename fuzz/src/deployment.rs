//! A deployment in this process, with every setting that a route needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use holdfast::app::App;
use holdfast::config::{self, Config, Secret, UpstashConfig};
use holdfast::domain::millis::Millis;
use holdfast::edge::{Clock, Dice};
use holdfast::http::{Request, find};
use holdfast::outbound;
use holdfast::upstash::Upstash;
use http::HeaderValue;
use tokio::runtime::{Builder, Runtime};

use crate::answer::Answer;
use crate::redis;
use crate::stand_in::{self, Asked, Memory, Said};

/// What time it is.
pub const NOW: Millis = Millis(1_800_000_000_000);

/// The same in seconds.
pub const SECONDS: i64 = 1_800_000_000;

/// The processor's token.
pub const TOKEN: &str = "processor-token-of-the-fuzzer";

/// What stands before every key.
pub const PREFIX: &str = "fuzz:";

/// What Stripe, Resend and Mailgun sign with.
pub const STRIPE_SECRET: &str = "whsec_of_stripe";
pub const RESEND_SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
pub const MAILGUN_KEY: &str = "key-of-mailgun";

/// What no answer may have in it by itself.
pub const SECRETS: [&str; 5] = [TOKEN, STRIPE_SECRET, RESEND_SECRET, MAILGUN_KEY, REDIS_TOKEN];

const REDIS_TOKEN: &str = "token-of-redis";

/// A deployment.
pub struct Deployment {
    runtime: Runtime,
    app: App,
    upstash: Upstash,
    memory: Arc<Mutex<Memory>>,
}

/// A request to a route.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: Vec<(&'a str, HeaderValue)>,
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    /// A call with no more than a body.
    #[must_use]
    pub fn post(path: &'a str, body: &'a [u8]) -> Self {
        Self { method: "POST", path, query: "", headers: Vec::new(), body }
    }

    /// A call with no more than a query.
    #[must_use]
    pub fn get(path: &'a str, query: &'a str) -> Self {
        Self { method: "GET", path, query, headers: Vec::new(), body: b"" }
    }

    /// Adds a header. One that HTTP cannot carry never comes to a route.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.push((name, value));
        }
        self
    }

    /// Shows a token.
    #[must_use]
    pub fn by(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }
}

impl Deployment {
    /// Makes it, with its stand-in listening.
    ///
    /// # Panics
    /// Where this machine has no port for it.
    #[must_use]
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let memory = Arc::new(Mutex::new(Memory { asked: Vec::new(), says: Box::new(|_| Said::new(500, "")) }));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(stand_in::serve(listener, memory.clone()));
        let set = BTreeMap::from([
            (config::KV_REST_API_URL, url.as_str()),
            (config::KV_REST_API_TOKEN, REDIS_TOKEN),
            (config::KEY_PREFIX, PREFIX),
            (config::STRIPE_SECRET_KEY, "sk_test_fuzz"),
            (config::STRIPE_BASE_URL, &url),
            (config::STRIPE_WEBHOOK_SECRET, STRIPE_SECRET),
            (config::JOB_PROCESSOR_SECRET_TOKEN, TOKEN),
            (config::RESEND_WEBHOOK_SECRET, RESEND_SECRET),
            (config::MAILGUN_WEBHOOK_SIGNING_KEY, MAILGUN_KEY),
        ]);
        let config = Config::from_lookup(|name| set.get(name).map(|value| (*value).to_owned()));
        let app = App::new(config, Clock::fixed(NOW), Dice::counting()).unwrap();
        let redis = UpstashConfig { url: url.clone(), token: Secret::new(REDIS_TOKEN) };
        let upstash = Upstash::new(&redis, outbound::client().unwrap()).unwrap();
        Self { runtime, app, upstash, memory }
    }

    /// Sends a request to its route, with a usual Redis and a Stripe that is down.
    pub fn usual(&self, call: &Call<'_>) -> Option<Answer> {
        self.send(call, |asked| match redis::is_asked(asked) {
            true => redis::says(asked, |command| redis::usual(command, NOW.0)),
            false => Said::new(503, ""),
        })
    }

    /// Sends a request to its route; nothing where HTTP has no such request.
    pub fn send(&self, call: &Call<'_>, says: impl FnMut(&Asked) -> Said + Send + 'static) -> Option<Answer> {
        let uri = if call.query.is_empty() { call.path.to_owned() } else { format!("{}?{}", call.path, call.query) };
        let mut request = http::Request::builder().method(call.method).uri(uri);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = Request::new(request.body(()).ok()?.into_parts().0, Bytes::copy_from_slice(call.body));
        let route = find(&request.path)?;
        self.says(says);
        let response = self.runtime.block_on(route.call(&self.app, request));
        keeps_secrets(call, response.body());
        Some(Answer::of(response, self.asked()))
    }

    /// Has the stand-in say this from now on.
    pub fn says(&self, says: impl FnMut(&Asked) -> Said + Send + 'static) {
        self.memory.lock().unwrap().says = Box::new(says);
    }

    /// Takes what the stand-in was asked.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.memory.lock().unwrap().asked)
    }

    /// Runs something that calls Redis.
    pub fn run<T>(&self, what: impl AsyncFnOnce(&Upstash) -> T) -> T {
        self.runtime.block_on(what(&self.upstash))
    }
}

/// Holds that an answer has no secret in it but those that the caller showed, whose words may be repeated.
fn keeps_secrets(call: &Call<'_>, answer: &[u8]) {
    let answer = String::from_utf8_lossy(answer);
    let shown = |secret: &str| {
        let has = |text: &[u8]| String::from_utf8_lossy(text).contains(secret);
        let decoded = url::form_urlencoded::parse(call.query.as_bytes());
        let mut decoded = decoded.flat_map(|(name, value)| [name, value]);
        let in_header = call.headers.iter().any(|(_, value)| has(value.as_bytes()));
        // What is escaped in a body stands otherwise in an answer, and is not looked at.
        in_header || has(call.body) || call.body.contains(&b'\\') || decoded.any(|part| has(part.as_bytes()))
    };
    let told = SECRETS.into_iter().find(|secret| answer.contains(secret) && !shown(secret));
    assert_eq!(told, None, "{answer}");
}

impl Default for Deployment {
    fn default() -> Self {
        Self::new()
    }
}

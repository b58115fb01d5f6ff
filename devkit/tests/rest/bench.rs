//! What the tests stand on: one Redis for all, a REST server and a caller for each.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use devkit::redis::{Kind, RedisOptions, RedisServer};
use devkit::rest::{Faults, RestOptions, RestServer};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::sync::OnceCell;

pub(crate) const TOKEN: &str = "test-token";

static REDIS: OnceCell<RedisServer> = OnceCell::const_new();
static BENCHES: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Bench {
    pub(crate) server: RestServer,
    pub(crate) kind: Kind,
    client: reqwest::Client,
    prefix: String,
}

impl Bench {
    /// A server of its own before the Redis that all tests share.
    pub(crate) async fn new() -> Self {
        let redis = REDIS.get_or_init(|| async { start_redis().await }).await;
        Self::before(redis).await
    }

    pub(crate) async fn before(redis: &RedisServer) -> Self {
        let server = RestServer::start(RestOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            token: TOKEN.to_owned(),
            redis: redis.addr().into(),
        })
        .await
        .unwrap();
        let prefix = format!("t{}:", BENCHES.fetch_add(1, Ordering::Relaxed));
        Self { server, kind: redis.kind(), client: client(), prefix }
    }

    /// A key no other test uses.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// A request with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare_request(method, path).bearer_auth(TOKEN)
    }

    /// A request without the token.
    pub(crate) fn bare_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server.url()))
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<String>) -> Answer {
        Answer::of(self.request(Method::POST, path).body(body.into()).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// Runs a command and answers its result.
    pub(crate) async fn run(&self, command: Value) -> Value {
        let answer = self.post("/", command.to_string()).await;
        assert_eq!(answer.status, 200, "{command}: {}", answer.text);
        answer.json()["result"].take()
    }

    /// Runs a command that fails and answers its error.
    pub(crate) async fn error(&self, command: Value) -> String {
        let answer = self.post("/", command.to_string()).await;
        assert_eq!(answer.status, 400, "{command}: {}", answer.text);
        answer.json()["error"].as_str().unwrap().to_owned()
    }

    /// Sends a command and answers what became of the exchange.
    pub(crate) async fn attempt(&self, command: Value) -> reqwest::Result<String> {
        self.request(Method::POST, "/").body(command.to_string()).send().await?.text().await
    }
}

/// A status and a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let content_type =
            response.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
        Self { status: response.status().as_u16(), content_type, text: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

pub(crate) async fn start_redis() -> RedisServer {
    RedisServer::start(RedisOptions::default()).await.unwrap()
}

pub(crate) fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    reqwest::Client::builder().no_proxy().build().unwrap()
}

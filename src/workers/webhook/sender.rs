//! The sending of a webhook: signed, guarded, timed.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::{Instant, timeout};

use crate::config::{Config, ConfigError, Setting, WebhookConfig};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::domain::signing_secret::SigningSecrets;
use crate::domain::webhook_signature;
use crate::edge::Clock;
use crate::outbound::answer::{Answer, no_answer};
use crate::outbound::guard::{Guard, Refused};
use crate::outbound::{self, OutboundError};

/// Longest wait for an answer. The lower end of what Standard Webhooks asks for, 15 to 30 s.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Longest wait for a connection. Chosen: a third of the whole; a server that far away will not answer in the rest.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the beginning of an answer's body, which decides nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of an answer that are kept.
const KEEP_ANSWER_BYTES: usize = 1_024;

/// How the sender names itself.
const USER_AGENT: &str = concat!("Holdfast-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Where a webhook goes.
#[derive(Clone, Debug)]
pub(in crate::workers) struct Target {
    /// The address.
    pub(super) url: String,
    /// What signs it.
    pub(super) secrets: SigningSecrets,
    /// Whose address it is, after "the address".
    pub(super) whose: String,
}

impl From<WebhookConfig> for Target {
    fn from(config: WebhookConfig) -> Self {
        Self { url: config.url, secrets: config.secrets, whose: format!("in {}", config.variable) }
    }
}

/// One webhook: an id that every repeat of it has, and its body.
#[derive(Clone, Copy, Debug)]
pub(in crate::workers) struct Hook<'a> {
    pub(in crate::workers) id: &'a str,
    pub(in crate::workers) traceparent: Option<&'a str>,
    pub(in crate::workers) body: &'a str,
}

/// How one delivery went.
#[derive(Debug)]
pub(in crate::workers) struct Sent {
    /// Whether it is a delivery.
    pub(in crate::workers) result: Result<(), Failure>,
    /// What the server answered.
    pub(super) status: Option<u16>,
    /// The beginning of its answer.
    pub(super) answer: String,
    /// How long it took.
    pub(super) took: Duration,
}

/// Sends webhooks. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::workers) struct Sender {
    guard: Guard,
    /// The header with a signature of the older form.
    legacy: Setting<Option<HeaderName>>,
    /// Made for the first delivery: a function that delivers nothing pays nothing.
    http: Arc<OnceLock<reqwest::Client>>,
    clock: Clock,
}

impl Sender {
    pub(in crate::workers) fn new(config: &Config, clock: Clock) -> Self {
        let (guard, legacy) = (Guard::new(&config.webhook_allow_private), config.webhook_legacy_header.clone());
        Self { guard, legacy, http: Arc::default(), clock }
    }

    /// Sends a webhook to a target, if it may be reached.
    pub(in crate::workers) async fn send(&self, target: &Target, hook: Hook<'_>) -> Sent {
        let started = Instant::now();
        let (result, status, answer) = match self.try_send(target, hook).await {
            Ok((answer, now)) => {
                let text: String = String::from_utf8_lossy(&answer.body).into_owned();
                (judge(&answer, now), Some(answer.status), text)
            }
            Err(failure) => (Err(failure), None, String::new()),
        };
        Sent { result, status, answer, took: started.elapsed() }
    }

    async fn try_send(&self, target: &Target, hook: Hook<'_>) -> Result<(Answer, Millis), Failure> {
        let url = Url::parse(&target.url).map_err(|_| refused(target, "it is no address"))?;
        self.guard.check(&url).map_err(|reason| refused(target, reason))?;
        let now = self.clock.now();
        let mut headers = headers(target, hook, now)?;
        let unnamed = |error: &ConfigError| Failure::new(FailureKind::Configuration, error.to_string());
        if let Some(name) = self.legacy.as_ref().map_err(unnamed)? {
            let signature = webhook_signature::sign_legacy(&target.secrets, seconds(now), hook.body);
            let signature = HeaderValue::from_str(&signature).map_err(|_| refused(target, "it cannot be signed"))?;
            headers.insert(name, signature);
        }
        let request = self.client()?.post(url).headers(headers).body(hook.body.to_owned());
        let response = request.send().await.map_err(|error| unsent(target, &error))?;
        let without_body = Answer::without_body(&response);
        // The status alone counts; the body is there for whoever looks for what went wrong.
        let read = timeout(BODY_TIMEOUT, Answer::read(response, KEEP_ANSWER_BYTES)).await;
        Ok((read.ok().and_then(Result::ok).unwrap_or(without_body), now))
    }

    fn client(&self) -> Result<&reqwest::Client, Failure> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let unmade = |error: OutboundError| Failure::new(FailureKind::Configuration, error.to_string());
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(outbound::tls().map_err(unmade)?)
            .dns_resolver(Arc::new(self.guard.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| unmade(error.into()))?;
        Ok(self.http.get_or_init(|| client))
    }
}

fn seconds(now: Millis) -> i64 {
    now.0.div_euclid(1_000)
}

fn headers(target: &Target, hook: Hook<'_>, now: Millis) -> Result<HeaderMap, Failure> {
    let Hook { id, traceparent, body } = hook;
    let seconds = seconds(now);
    let signature = webhook_signature::sign(&target.secrets, id, seconds, body);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let texts = [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", &signature)];
    for (name, text) in texts {
        let value = HeaderValue::from_str(text).map_err(|_| {
            let message = format!("the job's id cannot stand in the header {name}");
            Failure::new(FailureKind::Unreadable, message)
        })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    // A trace context that is none is not worth a delivery.
    if let Some(Ok(traceparent)) = traceparent.map(HeaderValue::from_str) {
        headers.insert("traceparent", traceparent);
    }
    Ok(headers)
}

/// Says that nothing was sent, and why it never will be while the address stays as it is.
fn refused(target: &Target, reason: impl std::fmt::Display) -> Failure {
    let message = format!("the address {} is refused: {reason}", target.whose);
    Failure::new(FailureKind::Configuration, message)
}

/// Tells a name the guard refused to connect to from a server that did not answer.
fn unsent(target: &Target, error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Refused>() {
            return refused(target, refusal);
        }
        cause = error.source();
    }
    no_answer("the webhook", error)
}

/// Says what an answer means: only 2xx is a delivery.
fn judge(answer: &Answer, now: Millis) -> Result<(), Failure> {
    let status = answer.status;
    let (kind, said) = match status {
        200..=299 => return Ok(()),
        // The endpoint moved or is being moved; following it would send a signed body wherever the answer says.
        300..=399 => (FailureKind::Unavailable, ", a redirect, which is not followed"),
        // Their credentials, not ours.
        401 | 403 => (FailureKind::Rejected, ""),
        410 => (FailureKind::Rejected, ": the endpoint is gone for good"),
        status => (FailureKind::of_status(status), ""),
    };
    let message = format!("the webhook's server answered status {status}{said}");
    Err(Failure::new(kind, message).after(answer.retry_after(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        let secrets = SigningSecrets::parse("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz").unwrap();
        Target { url: url.to_owned(), secrets, whose: "in WEBHOOK_URL".to_owned() }
    }

    fn answer(status: u16, retry_after: &str) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", retry_after.parse().unwrap());
        let answer = Answer { status, headers, body: Vec::new() };
        judge(&answer, Millis(0))
    }

    #[test]
    fn an_answer_is_a_delivery_a_reason_to_repeat_or_the_end() {
        use FailureKind::{Rejected, Throttled, Timeout, Unavailable};
        let kinds = |statuses: &[u16]| -> Vec<Option<FailureKind>> {
            let kind = |status: &u16| answer(*status, "").err().map(|failure| failure.kind);
            statuses.iter().map(kind).collect()
        };
        assert_eq!(kinds(&[200, 202, 204]), [None; 3]);
        assert_eq!(kinds(&[301, 302, 307, 500, 502, 503, 599]), [Some(Unavailable); 7]);
        assert_eq!(kinds(&[400, 401, 403, 404, 409, 410, 422]), [Some(Rejected); 7]);
        assert_eq!(kinds(&[408, 425]), [Some(Timeout); 2]);
        assert_eq!(kinds(&[429]), [Some(Throttled)]);
    }

    #[test]
    fn a_partner_that_asks_for_time_gets_it() {
        assert_eq!(answer(503, "120").unwrap_err().retry_after, Some(Duration::from_mins(2)));
        assert_eq!(answer(429, "7").unwrap_err().retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn the_headers_are_the_standards_and_the_trace_goes_on() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let hook = Hook { id: "job-1", traceparent: Some(trace), body: "{}" };
        let headers = headers(&target("https://partner.example/"), hook, Millis(1_706_234_567_890)).unwrap();
        assert_eq!(headers["webhook-id"], "job-1");
        assert_eq!(headers["webhook-timestamp"], "1706234567");
        assert_eq!(headers["traceparent"], trace);
        assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    }

    async fn deliver(url: &str, allowed: &str) -> Failure {
        let allow = |name| (name == crate::config::WEBHOOK_ALLOW_PRIVATE).then(|| allowed.to_owned());
        let sender = Sender::new(&Config::from_lookup(allow), Clock::fixed(Millis(1_706_234_567_890)));
        sender.send(&target(url), Hook { id: "job-1", traceparent: None, body: "{}" }).await.result.unwrap_err()
    }

    #[tokio::test]
    async fn a_refusal_is_final_and_names_the_variable() {
        let failure = deliver("https://169.254.169.254/latest/meta-data", "").await;
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(failure.message, "the address in WEBHOOK_URL is refused: its host is no public address");
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_where_the_connection_is_made() {
        let failure = deliver("https://localhost:8443/", "").await;
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(
            failure.message,
            "the address in WEBHOOK_URL is refused: its host's name leads to no public address"
        );
    }

    #[tokio::test]
    async fn an_allowed_server_that_is_down_is_tried_again() {
        let failure = deliver("http://localhost:9/", "localhost:9").await;
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Unavailable, "the webhook: no connection"));
    }
}

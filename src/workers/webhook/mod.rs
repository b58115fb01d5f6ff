//! Webhooks: a partner's server is told of a change, signed as in Standard Webhooks 1.0.0.
//!
//! Promises the same id and body on every attempt, a signature by each secret, no redirect followed, no address reached that is not
//! public, and no answer waited for longer than 15 seconds. The answer's status alone counts: its body is not read. Whether and when a failed delivery is repeated is the queue's part.

mod address;
pub(super) mod event;
mod guard;

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::config::{WEBHOOK_URL, WebhookConfig};
use crate::domain::job::EscrowStatusChanged;
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::domain::webhook_signature;
use crate::edge::Clock;
use crate::outbound::answer::{Answer, no_answer};
use crate::outbound::{self, OutboundError};

use super::Task;
use guard::{Guard, Refused};

/// Longest wait for an answer. The lower end of what Standard Webhooks asks for, 15 to 30 s.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Longest wait for a connection. Chosen: a third of the whole; a server that far away will not answer in the rest.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How the sender names itself.
const USER_AGENT: &str = concat!("Holdfast-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Delivers webhooks.
#[derive(Clone, Debug)]
pub(super) struct WebhookWorker {
    config: Arc<WebhookConfig>,
    guard: Guard,
    /// Made for the first delivery: a function that delivers nothing pays nothing.
    http: Arc<OnceLock<reqwest::Client>>,
    clock: Clock,
}

impl WebhookWorker {
    pub(super) fn new(config: WebhookConfig, clock: Clock) -> Self {
        Self { guard: Guard::new(&config.allow_private), config: Arc::new(config), http: Arc::default(), clock }
    }

    /// Tells the partner's server of a change of an escrow.
    pub(super) async fn deliver(&self, task: Task<'_>, change: &EscrowStatusChanged) -> Result<(), Failure> {
        let body = event::body(task.id, change, self.clock.now());
        self.post(task.id.as_str(), task.traceparent, body).await
    }

    /// Sends a body under an id that every repeat of it has.
    pub(super) async fn post(&self, id: &str, traceparent: Option<&str>, body: String) -> Result<(), Failure> {
        let url = Url::parse(&self.config.url).map_err(|_| refused("it is no address"))?;
        self.guard.check(&url).map_err(refused)?;
        let now = self.clock.now();
        let headers = self.headers(id, traceparent, &body, now)?;
        let response = self.client()?.post(url).headers(headers).body(body).send().await;
        judge(&Answer::without_body(&response.map_err(|error| unsent(&error))?), now)
    }

    fn headers(&self, id: &str, traceparent: Option<&str>, body: &str, now: Millis) -> Result<HeaderMap, Failure> {
        let seconds = now.0.div_euclid(1_000);
        let signature = webhook_signature::sign(&self.config.secrets, id, seconds, body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let texts =
            [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", &signature)];
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

/// Says that nothing was sent, and why it never will be while the address stays as it is.
fn refused(reason: impl std::fmt::Display) -> Failure {
    let message = format!("the address in {WEBHOOK_URL} is refused: {reason}");
    Failure::new(FailureKind::Configuration, message)
}

/// Tells a name the guard refused to connect to from a server that did not answer.
fn unsent(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Refused>() {
            return refused(refusal);
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
    use crate::config::{Config, WEBHOOK_ALLOW_PRIVATE, WEBHOOK_SIGNING_SECRET};
    use crate::domain::id::JobId;
    use crate::domain::job::Payload;

    fn worker(url: &str, allowed: &str) -> WebhookWorker {
        let config = Config::from_lookup(|name| match name {
            WEBHOOK_URL => Some(url.to_owned()),
            WEBHOOK_SIGNING_SECRET => Some("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".to_owned()),
            WEBHOOK_ALLOW_PRIVATE => Some(allowed.to_owned()),
            _ => None,
        });
        WebhookWorker::new(config.webhook.unwrap(), Clock::fixed(Millis(1_706_234_567_890)))
    }

    fn change() -> EscrowStatusChanged {
        EscrowStatusChanged {
            escrow_id: "esc_1".into(),
            status_before: "authorized".into(),
            status_after: "released".into(),
            occurred_at: None,
            event: None,
        }
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
        let worker = worker("https://partner.example/", "");
        let headers = worker.headers("job-1", Some(trace), "{}", Millis(1_706_234_567_890)).unwrap();
        assert_eq!(headers["webhook-id"], "job-1");
        assert_eq!(headers["webhook-timestamp"], "1706234567");
        assert_eq!(headers["traceparent"], trace);
        assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    }

    async fn deliver(url: &str, allowed: &str) -> Failure {
        let id = JobId::parse("job-1").unwrap();
        let payload = Payload::WebhookEscrowStatusChanged(change());
        let task = Task { id: &id, attempt: 1, payload: &payload, traceparent: None };
        worker(url, allowed).deliver(task, &change()).await.unwrap_err()
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

//! Requests to Stripe: made by `async-stripe-core`, sent by our own client, judged by what may be done next.
//!
//! Answers are read field by field as they are needed: a field Stripe adds or changes elsewhere in an object breaks nothing here.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::Intent;
use crate::config::{STRIPE_SECRET_KEY, StripeConfig};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::edge::Clock;
use crate::outbound::answer::{Answer, code, no_answer};

/// The version of Stripe's API that all requests name: the one that async-stripe-core 1.0.0-rc.10 was made from.
pub const STRIPE_VERSION: &str = "2026-09-30.endive";

/// Longest wait for one answer. Chosen: Stripe answers most calls within two seconds; after eight a look and a call no longer fit
/// into a handler's time, and the key makes a repeat safe.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Most bytes of an answer that are read. Chosen: a page of 100 refunds has about 100 KiB.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// A client of Stripe. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Stripe {
    config: StripeConfig,
    http: reqwest::Client,
    clock: Clock,
}

/// Stripe's error object, as far as it decides anything. Nothing shows it: with the intent comes the secret that pays it.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(rename = "type")]
    sort: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    payment_intent: Option<Box<RawValue>>,
}

/// A call that Stripe did not do, or is not known to have done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{failure}")]
pub(crate) struct StripeError {
    /// What sort of failure it is.
    pub(crate) failure: Failure,
    /// The status, where there was an answer.
    pub(crate) status: Option<u16>,
    /// Stripe's code, one word.
    pub(crate) code: Option<String>,
    /// The bank's reason, one word.
    pub(crate) decline_code: Option<String>,
    /// The intent as it is now, where Stripe tells and it can be read.
    pub(crate) intent: Option<Box<Intent>>,
    /// Whether Stripe answers every call with this key so: an earlier one failed there, and the failure is kept.
    pub(crate) is_kept: bool,
}

impl StripeError {
    pub(super) fn new(failure: Failure) -> Self {
        Self { failure, status: None, code: None, decline_code: None, intent: None, is_kept: false }
    }

    /// Tells whether the call is certain not to have been done, and never will be.
    pub(crate) fn is_final(&self) -> bool {
        !self.failure.kind.is_retryable()
    }
}

impl From<StripeError> for Failure {
    fn from(error: StripeError) -> Self {
        error.failure
    }
}

impl Stripe {
    pub(crate) fn new(config: StripeConfig, http: reqwest::Client, clock: Clock) -> Self {
        Self { config, http, clock }
    }

    /// Reads from Stripe.
    pub(crate) async fn look<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, StripeError> {
        self.send(request, None).await
    }

    /// Has Stripe act, once for each `key`.
    pub(crate) async fn act<T: DeserializeOwned>(&self, request: RequestBuilder, key: &str) -> Result<T, StripeError> {
        self.send(request, Some(key)).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder, key: Option<&str>) -> Result<T, StripeError> {
        let lost = |error: &reqwest::Error| StripeError::new(no_answer("Stripe", error));
        let request = self.request(request, key).map_err(|error| lost(&error))?;
        let answer = async { Answer::read(self.http.execute(request).await?, MAX_ANSWER_BYTES).await };
        let answer = answer.await.map_err(|error| lost(&error))?;
        read(&answer, self.clock.now())
    }

    /// Makes the HTTP request. Its bytes depend on nothing but its arguments, so that a repeat is the same request.
    fn request(&self, built: RequestBuilder, key: Option<&str>) -> Result<reqwest::Request, reqwest::Error> {
        let mut url = format!("{}/v1{}", self.config.base_url, built.path);
        if let Some(query) = built.query.filter(|query| !query.is_empty()) {
            url = format!("{url}?{query}");
        }
        let mut request = match built.method {
            StripeMethod::Get => self.http.get(url),
            StripeMethod::Post => self.http.post(url),
            StripeMethod::Delete => self.http.delete(url),
        };
        if let Some(form) = built.body {
            // Metadata is a hash map: its order differs from run to run.
            let mut fields: Vec<&str> = form.split('&').collect();
            fields.sort_unstable();
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(fields.join("&"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request
            .header(AUTHORIZATION, format!("Bearer {}", self.config.secret_key.expose()))
            .header("stripe-version", STRIPE_VERSION)
            .timeout(TIMEOUT)
            .build()
    }
}

/// Reads the object of a 2xx answer, or says what another answer means.
fn read<T: DeserializeOwned>(answer: &Answer, now: Millis) -> Result<T, StripeError> {
    if answer.is_success() {
        return serde_json::from_slice(&answer.body).map_err(|_| {
            let message = format!("Stripe's answer could not be read{}", request_id(answer));
            StripeError::new(Failure::new(FailureKind::Unavailable, message))
        });
    }
    let mut error = refusal(answer);
    error.failure = error.failure.after(answer.retry_after(now));
    Err(error)
}

fn refusal(answer: &Answer) -> StripeError {
    #[derive(Deserialize)]
    struct Body {
        error: Refusal,
    }
    let body = serde_json::from_slice(&answer.body).map(|body: Body| body.error);
    let error = body.unwrap_or_default();
    let kind = match answer.status {
        // Another request with the key, or on the object, is under way: the outcome is not known yet.
        409 => FailureKind::Unavailable,
        // The key was used for a request with other fields. What became of that one, this answer does not tell.
        400 if error.sort.as_deref() == Some("idempotency_error") => FailureKind::Unavailable,
        _ if answer.header("stripe-should-retry") == Some("true") => FailureKind::Unavailable,
        status => FailureKind::of_status(status),
    };
    let mut message = match kind {
        FailureKind::Configuration => {
            format!("Stripe refused the key in {STRIPE_SECRET_KEY}: status {}", answer.status)
        }
        _ => format!("Stripe answered status {}", answer.status),
    };
    let word = |value: Option<String>| value.filter(|value| code(value).is_some());
    let (stripe_code, decline_code) = (word(error.code), word(error.decline_code));
    let parts = [
        ("type", word(error.sort).filter(|_| stripe_code.is_none())),
        ("code", stripe_code.clone()),
        ("decline_code", decline_code.clone()),
        ("param", word(error.param)),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            message = format!("{message}, {name} {value}");
        }
    }
    // Read apart from the rest: an intent that is not of the expected form must not hide the decline.
    let intent = error.payment_intent.and_then(|text| serde_json::from_str(text.get()).ok());
    StripeError {
        failure: Failure::new(kind, message + &request_id(answer)),
        status: Some(answer.status),
        code: stripe_code,
        decline_code,
        intent,
        is_kept: answer.status >= 500 && answer.header("idempotent-replayed") == Some("true"),
    }
}

/// Names the request as Stripe's support and dashboard know it.
fn request_id(answer: &Answer) -> String {
    let id = answer.header("request-id").and_then(code);
    id.map_or_else(String::new, |id| format!(", request {id}"))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::config::Config;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Result<Box<RawValue>, Failure> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        let answer = Answer { status, headers: all, body: body.into() };
        read(&answer, Millis(0)).map_err(Failure::from)
    }

    fn kind(status: u16) -> FailureKind {
        answer(status, &[], r#"{"error":{}}"#).unwrap_err().kind
    }

    #[test]
    fn what_may_have_been_done_is_repeated_and_what_was_refused_is_final() {
        use FailureKind::{Configuration, Rejected, Throttled, Unavailable};
        assert_eq!([409, 500, 502, 503, 504].map(kind), [Unavailable; 5]);
        assert_eq!([400, 402, 404].map(kind), [Rejected; 3]);
        assert_eq!([401, 403].map(kind), [Configuration; 2]);
        assert_eq!(kind(429), Throttled);
        let told = answer(400, &[("stripe-should-retry", "true")], "{}").unwrap_err();
        assert_eq!(told.kind, Unavailable);
        let other = answer(400, &[], r#"{"error":{"type":"idempotency_error"}}"#).unwrap_err();
        assert_eq!(other.kind, Unavailable);
    }

    #[test]
    fn a_decline_names_its_codes_and_the_request() {
        let body = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Jane's card was declined.","payment_intent":{"id":"pi_1","status":7}}}"#;
        let failure = answer(402, &[("request-id", "req_abc")], body).unwrap_err();
        assert_eq!(
            failure.message,
            "Stripe answered status 402, code card_declined, decline_code insufficient_funds, request req_abc"
        );
        let refused = answer(401, &[], r#"{"error":{"type":"invalid_request_error","message":"sk_test_1"}}"#);
        assert_eq!(
            refused.unwrap_err().message,
            "Stripe refused the key in STRIPE_SECRET_KEY: status 401, type invalid_request_error"
        );
    }

    #[test]
    fn an_error_page_keeps_its_status_and_an_unreadable_yes_is_asked_again() {
        let failure = answer(502, &[("retry-after", "4")], "<html>").unwrap_err();
        assert_eq!(failure.message, "Stripe answered status 502");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(4)));
        let failure = answer(200, &[("request-id", "req_1")], "<html>").unwrap_err();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Unavailable, "Stripe's answer could not be read, request req_1")
        );
    }

    #[test]
    fn a_request_carries_the_version_the_key_and_its_fields_in_one_order() {
        let config = Config::from_lookup(|name| (name == STRIPE_SECRET_KEY).then(|| "sk_test_1".to_owned()));
        let http = crate::outbound::client().unwrap();
        let stripe = Stripe::new(config.stripe.unwrap(), http, Clock::fixed(Millis(0)));
        let built = RequestBuilder {
            query: None,
            body: Some("metadata[b]=2&amount=5&metadata[a]=1".into()),
            path: "/refunds".into(),
            method: StripeMethod::Post,
        };
        let request = stripe.request(built, Some("esc_1:refund:2")).unwrap();
        assert_eq!((request.method().as_str(), request.url().as_str()), ("POST", "https://api.stripe.com/v1/refunds"));
        let headers = request.headers();
        assert_eq!(headers["authorization"], "Bearer sk_test_1");
        assert_eq!(headers["stripe-version"], STRIPE_VERSION);
        assert_eq!(headers["idempotency-key"], "esc_1:refund:2");
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        let body = request.body().unwrap().as_bytes().unwrap();
        assert_eq!(std::str::from_utf8(body), Ok("amount=5&metadata[a]=1&metadata[b]=2"));
    }
}

//! Resend's API: one mail a call, delivered once a key.
//!
//! Resend keeps a key for 24 hours and answers a repeat as it answered the first call (its documentation, "Idempotency Keys", November 2026).

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};

use super::provider::Message;
use crate::config::{RESEND_API_KEY, Secret};
use crate::deliveries::{JOB_TAG, RECIPIENT_TAG, write_tag};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::edge::Clock;
use crate::outbound::answer::{Answer, code, no_answer};

/// Longest wait for one answer. Chosen: Resend answers in under a second; two waits fit into a handler's time.
const TIMEOUT: Duration = Duration::from_secs(7);

/// Most bytes of an answer that are read. Chosen: an id or an error has under 1 KiB.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Longest value of a tag, in characters. Resend's documentation, "Send Email", November 2026.
const MAX_TAG_CHARS: usize = 256;

/// A client of Resend. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Resend {
    pub(super) from: String,
    pub(super) base_url: String,
    pub(super) api_key: Secret,
    pub(super) http: reqwest::Client,
    pub(super) clock: Clock,
}

#[derive(Serialize)]
struct Body<'a> {
    from: &'a str,
    to: [&'a str; 1],
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

/// Headers of the mail itself.
#[derive(Serialize)]
struct Headers<'a> {
    /// Keeps auto-responders from answering. RFC 3834.
    #[serde(rename = "Auto-Submitted")]
    auto_submitted: &'static str,
    /// Keeps Gmail from folding mails of equal subject into one thread.
    #[serde(rename = "X-Entity-Ref-ID")]
    entity_ref_id: &'a str,
}

#[derive(Serialize)]
struct Tag {
    name: &'static str,
    value: String,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
}

impl Resend {
    /// Hands a mail to Resend for delivery and returns its id there.
    pub(super) async fn send(&self, message: &Message<'_>) -> Result<Option<String>, Failure> {
        let request = self.request(message).map_err(|error| no_answer("Resend", &error))?;
        let answer = async { Answer::read(self.http.execute(request).await?, MAX_ANSWER_BYTES).await };
        let answer = answer.await.map_err(|error| no_answer("Resend", &error))?;
        judge(&answer, self.clock.now())?;
        Ok(serde_json::from_slice(&answer.body).map(|accepted: Accepted| accepted.id).ok())
    }

    fn request(&self, message: &Message<'_>) -> Result<reqwest::Request, reqwest::Error> {
        let mut tags = Vec::new();
        if let Some(about) = message.about {
            tags.push(Tag { name: "type", value: about.job_type.to_string() });
            let transaction = tag(about.transaction_id);
            tags.extend((!transaction.is_empty()).then_some(Tag { name: "transaction_id", value: transaction }));
            if let Some(job) = write_tag(about.job_id) {
                let place = Tag { name: RECIPIENT_TAG, value: about.place.to_string() };
                tags.extend([Tag { name: JOB_TAG, value: job }, place]);
            }
        }
        let headers = message
            .about
            .map(|about| Headers { auto_submitted: "auto-generated", entity_ref_id: about.job_id.as_str() });
        let Message { to, subject, html, text, .. } = message;
        let body = Body { from: &self.from, to: [to.expose()], subject, html: *html, text, headers, tags };
        self.http
            .post(format!("{}/emails", self.base_url))
            .header(AUTHORIZATION, format!("Bearer {}", self.api_key.expose()))
            .header("idempotency-key", message.key)
            .header("content-type", "application/json")
            .body(serde_json::to_vec(&body).unwrap_or_default())
            .timeout(TIMEOUT)
            .build()
    }
}

/// Makes a tag's value: Resend takes ASCII letters, digits, '_' and '-' (its documentation, "Send Email", November 2026).
fn tag(value: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    value.chars().take(MAX_TAG_CHARS).map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// Says what an answer means. Resend's message is left out: it may repeat the address.
fn judge(answer: &Answer, now: Millis) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Refusal {
        name: String,
    }
    if answer.is_success() {
        return Ok(());
    }
    let refusal = serde_json::from_slice(&answer.body).map(|refusal: Refusal| refusal.name);
    let name = refusal.as_deref().ok().and_then(code).unwrap_or_default();
    let kind = match (answer.status, name) {
        (409, "concurrent_idempotent_requests") => FailureKind::Unavailable,
        // The sender's domain, or a recipient outside a test account: the key is good, the mail is not.
        (403, "validation_error") => FailureKind::Rejected,
        (status, _) => FailureKind::of_status(status),
    };
    let status = answer.status;
    let message = match (kind, name) {
        (FailureKind::Configuration, _) => {
            format!("Resend refused the key in {RESEND_API_KEY}: status {status} {name}")
        }
        (_, "invalid_idempotent_request") => {
            format!("Resend has sent another text under this job's id: status {status} {name}")
        }
        (_, "") => format!("Resend answered status {status}"),
        (_, name) => format!("Resend answered status {status} {name}"),
    };
    let wait = answer.retry_after(now).or_else(|| reset(answer));
    Err(Failure::new(kind, message.trim_end()).after(wait))
}

/// Returns the seconds until Resend's limit starts anew, where it named them and nothing better.
fn reset(answer: &Answer) -> Option<Duration> {
    let seconds = answer.header("ratelimit-reset")?.trim().parse().ok()?;
    (answer.status == 429).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::domain::email_address::EmailAddress;
    use crate::domain::id::JobId;
    use crate::domain::job::JobType;
    use crate::workers::email::provider::About;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Result<(), Failure> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        let answer = Answer { status, headers: all, body: body.into() };
        judge(&answer, Millis(0))
    }

    fn failure(status: u16, name: &str) -> (FailureKind, String) {
        let body = format!(r#"{{"statusCode":{status},"name":"{name}","message":"jane@example.com is bad"}}"#);
        let failure = answer(status, &[], &body).unwrap_err();
        (failure.kind, failure.message)
    }

    #[test]
    fn an_answer_is_judged_by_status_and_name_and_never_repeats_the_message() {
        use FailureKind::{Configuration, Rejected, Throttled, Unavailable};
        let cases = [
            (400, "validation_error", Rejected, "Resend answered status 400 validation_error"),
            (
                401,
                "missing_api_key",
                Configuration,
                "Resend refused the key in RESEND_API_KEY: status 401 missing_api_key",
            ),
            (
                403,
                "invalid_api_key",
                Configuration,
                "Resend refused the key in RESEND_API_KEY: status 403 invalid_api_key",
            ),
            (403, "validation_error", Rejected, "Resend answered status 403 validation_error"),
            (
                409,
                "concurrent_idempotent_requests",
                Unavailable,
                "Resend answered status 409 concurrent_idempotent_requests",
            ),
            (
                409,
                "invalid_idempotent_request",
                Rejected,
                "Resend has sent another text under this job's id: status 409 invalid_idempotent_request",
            ),
            (422, "invalid_from_address", Rejected, "Resend answered status 422 invalid_from_address"),
            (429, "rate_limit_exceeded", Throttled, "Resend answered status 429 rate_limit_exceeded"),
            (500, "application_error", Unavailable, "Resend answered status 500 application_error"),
            (503, "not a code", Unavailable, "Resend answered status 503"),
        ];
        for (status, name, kind, message) in cases {
            assert_eq!(failure(status, name), (kind, message.to_owned()));
        }
    }

    #[test]
    fn an_error_page_keeps_its_status() {
        let failure = answer(502, &[], "<html>Bad gateway</html>").unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Unavailable, "Resend answered status 502"));
        let failure = answer(401, &[], "<html>").unwrap_err();
        assert_eq!(failure.message, "Resend refused the key in RESEND_API_KEY: status 401");
        assert_eq!(answer(200, &[], "<html>"), Ok(()));
    }

    #[test]
    fn a_limit_says_when_it_ends() {
        let wait = |headers: &[_]| answer(429, headers, "{}").unwrap_err().retry_after.map(|wait| wait.as_secs());
        assert_eq!(wait(&[("retry-after", "3"), ("ratelimit-reset", "1")]), Some(3));
        assert_eq!(wait(&[("ratelimit-reset", "1")]), Some(1));
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_tag_holds_only_what_resend_takes() {
        assert_eq!(tag("esc_1-a"), "esc_1-a");
        assert_eq!(tag("esc 1/ä\r\n"), "esc_1____");
        assert_eq!(tag(&"x".repeat(999)).len(), MAX_TAG_CHARS);
    }

    #[test]
    fn a_mail_is_one_request_under_its_key() {
        let resend = Resend {
            from: "Holdfast <mail@example.com>".to_owned(),
            base_url: "https://api.resend.com".to_owned(),
            api_key: Secret::new("re_1"),
            http: crate::outbound::client().unwrap(),
            clock: Clock::fixed(Millis(0)),
        };
        let (to, job_id) = (EmailAddress::parse("jane@example.com").unwrap(), JobId::parse("job-1").unwrap());
        let job_type = JobType::NotifyDisputeResolved;
        let request = resend.request(&Message {
            key: "job-1/2",
            to: &to,
            subject: "Dispute resolved: esc 1",
            html: Some("<p>h</p>"),
            text: "t",
            about: Some(About { job_id: &job_id, place: 2, job_type, transaction_id: "esc 1" }),
        });
        let request = request.unwrap();
        assert_eq!((request.method().as_str(), request.url().as_str()), ("POST", "https://api.resend.com/emails"));
        assert_eq!(request.headers()["idempotency-key"], "job-1/2");
        assert_eq!(request.headers()["authorization"], "Bearer re_1");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(
            std::str::from_utf8(request.body().unwrap().as_bytes().unwrap()).unwrap(),
            r#"{"from":"Holdfast <mail@example.com>","to":["jane@example.com"],"subject":"Dispute resolved: esc 1","html":"<p>h</p>","text":"t","headers":{"Auto-Submitted":"auto-generated","X-Entity-Ref-ID":"job-1"},"tags":[{"name":"type","value":"notify_dispute_resolved"},{"name":"transaction_id","value":"esc_1"},{"name":"holdfast_job","value":"job-1"},{"name":"holdfast_recipient","value":"2"}]}"#
        );
    }
}

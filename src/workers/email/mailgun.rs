//! Mailgun's API: one mail a call. It knows no idempotency keys, so what was sent is noted in Redis.

use std::time::Duration;

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::provider::{About, Message, message_id};
use crate::config::{MAILGUN_API_KEY, MAILGUN_DOMAIN, Secret};
use crate::deliveries::{JOB_TAG, RECIPIENT_TAG, write_tag};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::edge::Clock;
use crate::outbound::answer::{Answer, no_answer};

/// Longest wait for one answer. Chosen: Mailgun answers in under a second; two waits fit into a handler's time.
const TIMEOUT: Duration = Duration::from_secs(7);

/// Most bytes of an answer that are read. Chosen: an id has under 1 KiB.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// A client of Mailgun. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Mailgun {
    pub(super) from: String,
    /// Where messages are posted to.
    pub(super) url: String,
    pub(super) domain: String,
    pub(super) api_key: Secret,
    pub(super) http: reqwest::Client,
    pub(super) clock: Clock,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
}

impl Mailgun {
    /// Hands a mail to Mailgun for delivery and returns its id there.
    pub(super) async fn send(&self, message: &Message<'_>) -> Result<Option<String>, Failure> {
        let request = self.http.post(&self.url).basic_auth("api", Some(self.api_key.expose()));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(self.form(message));
        let answer = async { Answer::read(request.timeout(TIMEOUT).send().await?, MAX_ANSWER_BYTES).await };
        let answer = answer.await.map_err(|error| no_answer("Mailgun", &error))?;
        judge(&answer, self.clock.now())?;
        let accepted = serde_json::from_slice(&answer.body).map(|accepted: Accepted| accepted.id);
        // Events name it without the angle brackets.
        Ok(accepted.ok().map(|id| id.trim_matches(['<', '>']).to_owned()))
    }

    fn form(&self, message: &Message<'_>) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("from", &self.from).append_pair("to", message.to.expose());
        form.append_pair("subject", message.subject).append_pair("text", message.text);
        if let Some(html) = message.html {
            form.append_pair("html", html);
        }
        form.append_pair("h:Message-Id", &message_id(message.key, &self.domain));
        form.append_pair("h:Auto-Submitted", "auto-generated");
        if let Some(About { job_id, place, job_type, .. }) = message.about {
            form.append_pair("h:X-Entity-Ref-ID", job_id.as_str()).append_pair("o:tag", job_type.as_str());
            if let Some(job) = write_tag(job_id) {
                form.append_pair(&format!("v:{JOB_TAG}"), &job);
                form.append_pair(&format!("v:{RECIPIENT_TAG}"), &place.to_string());
            }
        }
        form.finish()
    }
}

/// Says what an answer means. Mailgun's message is left out: it may repeat the address.
fn judge(answer: &Answer, now: Millis) -> Result<(), Failure> {
    let status = answer.status;
    let (kind, message) = match status {
        200..=299 => return Ok(()),
        401 | 403 => {
            (FailureKind::Configuration, format!("Mailgun refused the key in {MAILGUN_API_KEY}: status {status}"))
        }
        404 => (
            FailureKind::Configuration,
            format!("Mailgun knows no domain as in {MAILGUN_DOMAIN}: status 404; it may be in the other region"),
        ),
        status => (FailureKind::of_status(status), format!("Mailgun answered status {status}")),
    };
    Err(Failure::new(kind, message).after(answer.retry_after(now)))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::domain::email_address::EmailAddress;
    use crate::domain::id::JobId;
    use crate::domain::job::JobType;

    #[test]
    fn an_answer_is_judged_by_its_status_alone() {
        use FailureKind::{Configuration, Rejected, Throttled, Unavailable};
        let kind = |status| {
            let body = br#"{"message":"to parameter is not a valid address: jane@example.com"}"#.to_vec();
            let failure = judge(&Answer { status, headers: HeaderMap::new(), body }, Millis(0)).err()?;
            assert!(!failure.message.contains("jane"), "{failure}");
            Some(failure.kind)
        };
        let kinds = [200, 400, 401, 402, 404, 429, 500, 502].map(kind);
        let refused = [Rejected, Configuration, Rejected, Configuration, Throttled, Unavailable, Unavailable];
        assert_eq!(kinds[0], None);
        assert_eq!(kinds[1..], refused.map(Some));
    }

    #[test]
    fn a_mail_is_one_form_with_its_labels_and_its_own_name() {
        let mailgun = Mailgun {
            from: "Holdfast <mail@example.com>".into(),
            url: String::new(),
            domain: "mg.example.com".into(),
            api_key: Secret::new("key-1"),
            http: crate::outbound::client().unwrap(),
            clock: Clock::fixed(Millis(0)),
        };
        let (to, job_id) = (EmailAddress::parse("jane@example.com").unwrap(), JobId::parse("a:1").unwrap());
        let about = About { job_id: &job_id, place: 2, job_type: JobType::SendRefundEmail, transaction_id: "esc_1" };
        let message =
            Message { key: "a:1/2", to: &to, subject: "ä&b", text: "t", html: Some("<p>"), about: Some(about) };
        assert_eq!(
            mailgun.form(&message),
            "from=Holdfast+%3Cmail%40example.com%3E&to=jane%40example.com&subject=%C3%A4%26b&text=t&html=%3Cp%3E\
             &h%3AMessage-Id=%3Ca-1-2%40mg.example.com%3E&h%3AAuto-Submitted=auto-generated&h%3AX-Entity-Ref-ID=a%3A1\
             &o%3Atag=send_refund_email&v%3Aholdfast_job=a_3a1&v%3Aholdfast_recipient=2"
        );
    }
}

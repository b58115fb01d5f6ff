//! `POST /api/webhooks/email`: what Resend and Mailgun tell of mails after they took them.
//!
//! Which of them calls shows in the headers: Resend's events are signed there. Both repeat an event until it is answered 2xx, so an event
//! of no interest is answered so too.

mod mailgun;
mod resend;

use http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;
use crate::config::ConfigError;
use crate::deliveries::{AddressHash, Happened, Noted, read_tag};
use crate::domain::email_address::EmailAddress;
use crate::domain::mail_event::MailEvent;
use crate::domain::millis::Millis;
use crate::http::{ApiError, Request, Response, Route, reply};

/// Most recipients of one job. The largest place a label may name.
const MAX_PLACE: u32 = 10;

/// Longest text of a provider's that is kept, in bytes. Chosen: its names and codes are far shorter.
const MAX_TEXT_BYTES: usize = 200;

/// `POST /api/webhooks/email`
pub static EMAIL: Route = Route::new(
    "webhooks-email",
    "/api/webhooks/email",
    &[(Method::POST, |app, request| Box::pin(take_in(app, request)))],
);

async fn take_in(app: App, request: Request) -> Result<Response, ApiError> {
    let now = app.clock().now();
    // What has no signature of Resend's may be Mailgun's only where Mailgun is set up.
    let no_mailgun = matches!(app.config().mailgun_webhook_key, Err(ConfigError::Missing(_)));
    let told = if resend::is_signed(&request) || no_mailgun {
        resend::read(app.config(), &request, now)?
    } else {
        mailgun::read(app.config(), &request, now)?
    };
    let outcome = match told.and_then(|told| told.happened(now)) {
        None => "ignored",
        Some(happened) => {
            let noted = app.deliveries()?.take_in(&app.dice().claim_id().to_string(), &happened, now).await?;
            let outcome = match noted {
                Noted::Done => "noted",
                Noted::UnknownJob => "unknown_job",
                Noted::Duplicate => "duplicate",
            };
            let event = happened.event.as_str();
            tracing::info!(request.id = %request.id, job.id = %happened.job, event, outcome, "a mail of job {} was {event}", happened.job);
            outcome
        }
    };
    Ok(reply::json(StatusCode::OK, &json!({ "received": true, "outcome": outcome })))
}

/// An event as both providers tell it, their words not yet judged.
struct Told {
    /// What names the event.
    names: Vec<String>,
    /// What happened, where it is something we know.
    event: Option<MailEvent>,
    /// Whether a refusal is final.
    is_permanent: bool,
    /// When.
    at: Option<Millis>,
    /// The labels of the mail.
    job: Option<String>,
    place: Option<String>,
    /// The provider's name of the mail.
    message_id: Option<String>,
    /// A code that says more.
    why: Option<String>,
    /// To whom it was.
    address: Option<String>,
}

impl Told {
    /// Returns what happened to a mail of ours; nothing where it is another program's, or of no interest.
    fn happened(self, now: Millis) -> Option<Happened> {
        let event = self.event?;
        let job = read_tag(&self.job?)?;
        let recipient = self.place?.parse().ok().filter(|place| (1..=MAX_PLACE).contains(place))?;
        let address = self.address.and_then(|address| EmailAddress::parse(bare(&address)).ok());
        let until = event.suppresses_until(self.is_permanent, now);
        Some(Happened {
            names: self.names,
            job,
            recipient,
            event,
            at: self.at.unwrap_or(now),
            message_id: self.message_id.filter(|text| is_plain(text)),
            why: self.why.filter(|text| is_plain(text)),
            suppress: address.map(|address| AddressHash::of(&address)).zip(until),
        })
    }
}

/// Takes the address out of `Name <address>`.
fn bare(address: &str) -> &str {
    address.strip_suffix('>').and_then(|named| named.rsplit_once('<')).map_or(address, |(_, address)| address)
}

/// Tells a name or code from free text, which may repeat an address.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.+ <>@=".contains(&b);
    (1..=MAX_TEXT_BYTES).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(event: MailEvent, job: &str, place: &str) -> Told {
        Told {
            names: vec!["msg_1".into()],
            event: Some(event),
            is_permanent: true,
            at: None,
            job: Some(job.into()),
            place: Some(place.into()),
            message_id: Some("a-b".into()),
            why: Some("see https://example.com".into()),
            address: Some("Jane <Jane@Example.com>".into()),
        }
    }

    #[test]
    fn what_is_told_of_a_mail_of_ours_is_taken_with_what_it_means_for_the_address() {
        let happened = told(MailEvent::Bounced, "job-1", "2").happened(Millis(5)).unwrap();
        let jane = AddressHash::of(&EmailAddress::parse("jane@example.com").unwrap());
        assert_eq!((happened.job.as_str(), happened.recipient, happened.at), ("job-1", 2, Millis(5)));
        assert_eq!(happened.suppress, Some((jane, Millis(604_800_005))));
        assert_eq!((happened.message_id.as_deref(), happened.why), (Some("a-b"), None));
        assert_eq!(told(MailEvent::Delivered, "job-1", "1").happened(Millis(5)).unwrap().suppress, None);
    }

    #[test]
    fn what_is_told_of_another_programs_mail_is_nothing() {
        for (job, place) in [("", "1"), ("a b", "1"), ("job-1", ""), ("job-1", "0"), ("job-1", "11"), ("job-1", "x")] {
            assert!(told(MailEvent::Sent, job, place).happened(Millis(5)).is_none(), "{job} {place}");
        }
    }
}

//! Mails: what a person is told, once a job.
//!
//! A letter is written from the payload alone, so that every run of a job sends the same bytes under the same key, and
//! the provider delivers it once. No address stands in an error or a log line.

mod letter;
mod render;
mod resend;

use crate::config::{Brand, EmailConfig};
use crate::domain::email_address::EmailAddress;
use crate::domain::job::Payload;
use crate::domain::outcome::Failure;
use crate::edge::Clock;

use super::Task;
use letter::Letter;
use resend::{Message, Resend};

/// Sends the mails of five types of job.
#[derive(Clone, Debug)]
pub(super) struct EmailWorker {
    brand: Brand,
    resend: Resend,
}

impl EmailWorker {
    pub(super) fn new(config: EmailConfig, http: reqwest::Client, clock: Clock) -> Self {
        Self { brand: config.brand.clone(), resend: Resend::new(config, http, clock) }
    }

    /// Sends a note to an operator, once under its key.
    pub(super) async fn note(&self, key: &str, to: &EmailAddress, subject: &str, text: &str) -> Result<(), Failure> {
        self.resend.note(key, to, subject, text).await
    }

    /// Sends the letter of a job to each of its recipients.
    ///
    /// One recipient the provider refuses does not keep the letter from the others; a provider that is out of order ends the run, since
    /// the next run repeats what was sent under the same keys.
    pub(super) async fn send(&self, task: Task<'_>) -> Result<(), Failure> {
        let Some((letter, recipients)) = letter_of(task.payload) else {
            return Ok(());
        };
        let (html, text) = (render::html(&letter, &self.brand), render::text(&letter, &self.brand));
        let mut refused = Ok(());
        for (index, to) in recipients.iter().enumerate() {
            let seen_before = recipients[..index].contains(to);
            if seen_before {
                continue;
            }
            let key = match recipients.len() {
                1 => task.id.to_string(),
                _ => format!("{}/{}", task.id, index + 1),
            };
            let message = Message { key: &key, job_id: task.id, to, letter: &letter, html: &html, text: &text };
            match self.resend.send(message).await {
                Ok(()) => {}
                Err(failure) if failure.kind.is_retryable() => return Err(failure),
                Err(failure) => refused = Err(failure),
            }
        }
        refused
    }
}

/// Writes the letter a payload asks for; none for a payload that is about no mail.
fn letter_of(payload: &Payload) -> Option<(Letter, &[EmailAddress])> {
    use std::slice::from_ref;
    Some(match payload {
        Payload::SendReleaseEmail(mail) => {
            (Letter::released(&mail.transaction_id, mail.money()), from_ref(&mail.recipient_email))
        }
        Payload::SendRefundEmail(mail) => (
            Letter::refunded(&mail.transaction_id, mail.money(), mail.reason.as_deref()),
            from_ref(&mail.recipient_email),
        ),
        Payload::SendDisputeEmail(mail) => {
            (Letter::disputed(&mail.transaction_id, mail.reason.as_deref()), from_ref(&mail.recipient_email))
        }
        Payload::SendPaymentConfirmedEmail(mail) => {
            (Letter::payment_confirmed(&mail.transaction_id, mail.money()), from_ref(&mail.recipient_email))
        }
        Payload::NotifyDisputeResolved(notice) => {
            (Letter::resolved(&notice.escrow_id, notice.resolution), &notice.recipients)
        }
        _ => return None,
    })
}

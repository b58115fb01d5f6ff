//! Mails: what a person is told, once a job.
//!
//! A letter is written from the payload alone, so that every run of a job sends the same bytes under the same key, and
//! the provider delivers it once. No address stands in an error or a log line.

mod letter;
mod render;
mod resend;

use crate::config::{Brand, EmailConfig};
use crate::deliveries::{Deliveries, MaySend};
use crate::domain::email_address::EmailAddress;
use crate::domain::job::Payload;
use crate::domain::outcome::Failure;
use crate::edge::Clock;
use crate::measures::Measures;

use super::{Task, outcome};
use letter::Letter;
use resend::{Message, Resend};

/// Sends the mails of five types of job.
#[derive(Clone, Debug)]
pub(super) struct EmailWorker {
    brand: Brand,
    resend: Resend,
    deliveries: Deliveries,
    measures: Measures,
    clock: Clock,
}

impl EmailWorker {
    pub(super) fn new(
        config: EmailConfig,
        http: reqwest::Client,
        deliveries: Deliveries,
        measures: Measures,
        clock: Clock,
    ) -> Self {
        let brand = config.brand.clone();
        Self { brand, resend: Resend::new(config, http, clock.clone()), deliveries, measures, clock }
    }

    /// Sends a note to an operator, once under its key.
    pub(super) async fn note(&self, key: &str, to: &EmailAddress, subject: &str, text: &str) -> Result<(), Failure> {
        self.resend.note(key, to, subject, text).await
    }

    /// Sends the letter of a job to each of its recipients, but for those whose address is suppressed.
    ///
    /// One recipient the provider refuses does not keep the letter from the others; a provider that is out of order ends the run, since
    /// the next run repeats what was sent under the same keys.
    pub(super) async fn send(&self, task: Task<'_>) -> Result<(), Failure> {
        let Some(letter) = letter_of(task.payload) else {
            return Ok(());
        };
        let recipients = task.payload.recipients();
        let may_send = self.deliveries.may_send(task.id, recipients, self.clock.now()).await;
        let may_send = may_send.map_err(|error| error.failure("the suppressed addresses"))?;
        let (html, text) = (render::html(&letter, &self.brand), render::text(&letter, &self.brand));
        let mut refused = Ok(());
        for (index, (to, may_send)) in recipients.iter().zip(may_send).enumerate() {
            let seen_before = recipients[..index].contains(to);
            if seen_before {
                continue;
            }
            if may_send == MaySend::Suppressed {
                self.measures.add("mail:suppressed", 1);
                tracing::info!(job.id = %task.id, outcome = "suppressed", "{to} bounced or complained before: no mail is sent");
                continue;
            }
            let key = match recipients.len() {
                1 => task.id.to_string(),
                _ => format!("{}/{}", task.id, index + 1),
            };
            let place = index + 1;
            let message = Message { key: &key, job_id: task.id, place, to, letter: &letter, html: &html, text: &text };
            let sent = self.resend.send(message).await;
            self.measures.add(format!("mail:{}", outcome(&sent, "accepted")), 1);
            match sent {
                Ok(()) => {}
                Err(failure) if failure.kind.is_retryable() => return Err(failure),
                Err(failure) => refused = Err(failure),
            }
        }
        refused
    }
}

/// Writes the letter a payload asks for; none for a payload that is about no mail.
fn letter_of(payload: &Payload) -> Option<Letter> {
    Some(match payload {
        Payload::SendReleaseEmail(mail) => Letter::released(&mail.transaction_id, mail.money()),
        Payload::SendRefundEmail(mail) => Letter::refunded(&mail.transaction_id, mail.money(), mail.reason.as_deref()),
        Payload::SendDisputeEmail(mail) => Letter::disputed(&mail.transaction_id, mail.reason.as_deref()),
        Payload::SendPaymentConfirmedEmail(mail) => Letter::payment_confirmed(&mail.transaction_id, mail.money()),
        Payload::NotifyDisputeResolved(notice) => Letter::resolved(&notice.escrow_id, notice.resolution),
        _ => return None,
    })
}

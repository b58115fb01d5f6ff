//! Mails: what a person is told, once a job.
//!
//! A letter is written from the payload alone, so that every run of a job sends the same bytes under the same key, and
//! the provider delivers it once. No address stands in an error or a log line.

mod letter;
mod mailgun;
mod preview;
mod provider;
mod render;
mod resend;
mod smtp;

pub use preview::{Preview, previews};

use crate::config::{Brand, EmailConfig};
use crate::deliveries::{Deliveries, MaySend};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::JobId;
use crate::domain::job::Payload;
use crate::domain::outcome::Failure;
use crate::edge::Clock;
use crate::measures::Measures;

use super::{Task, outcome};
use letter::Letter;
use provider::{About, Message, Provider};

/// Sends the mails of five types of job.
#[derive(Clone, Debug)]
pub(super) struct EmailWorker {
    brand: Brand,
    provider: Provider,
    deliveries: Deliveries,
    measures: Measures,
    clock: Clock,
}

impl EmailWorker {
    pub(super) fn new(
        config: &EmailConfig,
        http: reqwest::Client,
        deliveries: Deliveries,
        measures: Measures,
        clock: Clock,
    ) -> Self {
        let brand = config.brand.clone();
        Self { brand, provider: Provider::new(config, http, clock.clone()), deliveries, measures, clock }
    }

    /// Sends a note to an operator, once under its key.
    pub(super) async fn note(&self, key: &str, to: &EmailAddress, subject: &str, text: &str) -> Result<(), Failure> {
        self.provider.send(&Message { key, to, subject, text, html: None, about: None }).await.map(drop)
    }

    /// Sends the letter of a job to each of its recipients, but for those whose address is suppressed.
    ///
    /// One recipient the provider refuses does not keep the letter from the others; a provider that is out of order ends the run. The next
    /// run repeats what was sent under the same keys; where the provider knows none, or other recipients' fate decides whether there is a
    /// next run, it skips what was noted as sent.
    pub(super) async fn send(&self, task: Task<'_>) -> Result<(), Failure> {
        let Some(letter) = letter_of(task.payload) else {
            return Ok(());
        };
        let recipients = task.payload.recipients();
        let notes = !self.provider.knows_keys() || recipients.len() > 1;
        let may_send = self.deliveries.may_send(task.id, recipients, notes, self.clock.now()).await;
        let may_send = may_send.map_err(|error| error.failure("the suppressed addresses"))?;
        let (html, text) = (render::html(&letter, &self.brand), render::text(&letter, &self.brand));
        let mut refused = Ok(());
        for (index, (to, may_send)) in recipients.iter().zip(may_send).enumerate() {
            let seen_before = recipients[..index].contains(to);
            if seen_before || !self.is_to_be_sent(task.id, to, may_send) {
                continue;
            }
            let place = index + 1;
            let key = match recipients.len() {
                1 => task.id.to_string(),
                _ => format!("{}/{place}", task.id),
            };
            let Letter { job_type, transaction_id, subject, .. } = &letter;
            let about = About { job_id: task.id, place, job_type: *job_type, transaction_id };
            let message = Message { key: &key, to, subject, text: &text, html: Some(&html), about: Some(about) };
            match self.hand_over(&message, about, notes).await {
                Ok(()) => {}
                Err(failure) if failure.kind.is_retryable() => return Err(failure),
                Err(failure) => refused = Err(failure),
            }
        }
        refused
    }

    /// Tells whether a mail is to be sent, and counts one that is not.
    fn is_to_be_sent(&self, job: &JobId, to: &EmailAddress, may_send: MaySend) -> bool {
        match may_send {
            _ if to.is_forgotten() => {
                self.measures.add("mail:suppressed", 1);
                tracing::info!(job.id = %job, outcome = "suppressed", "the address was forgotten: no mail is sent");
            }
            MaySend::Yes => return true,
            MaySend::Sent => self.measures.add("mail:sent_before", 1),
            MaySend::Suppressed => {
                self.measures.add("mail:suppressed", 1);
                tracing::info!(job.id = %job, outcome = "suppressed", "{to} bounced or complained before: no mail is sent");
            }
        }
        false
    }

    async fn hand_over(&self, message: &Message<'_>, about: About<'_>, notes: bool) -> Result<(), Failure> {
        let sent = self.provider.send(message).await;
        self.measures.add(format!("mail:{}", outcome(&sent, "accepted")), 1);
        let message_id = sent?;
        if notes {
            let recipient = (about.place, message.to);
            let done = self.deliveries.note_sent(about.job_id, recipient, message_id.as_deref(), self.clock.now());
            if let Err(error) = done.await {
                // It is sent; to fail the job for this would send it once more.
                let id = about.job_id;
                tracing::warn!(job.id = %id, error = %error, "a mail of job {id} was sent and could not be noted");
            }
        }
        Ok(())
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

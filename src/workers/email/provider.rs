//! Who delivers mails, and what is handed to them.

use super::mailgun::Mailgun;
use super::resend::Resend;
use super::smtp::Smtp;
use crate::config::{EmailConfig, MailProvider};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::JobId;
use crate::domain::job::JobType;
use crate::domain::outcome::Failure;
use crate::edge::Clock;

/// One mail to one address.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// What makes a repeat of the call the same mail.
    pub(super) key: &'a str,
    pub(super) to: &'a EmailAddress,
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    pub(super) html: Option<&'a str>,
    /// What it is about; nothing for a note to an operator.
    pub(super) about: Option<About<'a>>,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) job_id: &'a JobId,
    /// The recipient's place among the job's, from 1.
    pub(super) place: usize,
    pub(super) job_type: JobType,
    pub(super) transaction_id: &'a str,
}

/// Who delivers mails. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Provider {
    Resend(Resend),
    Mailgun(Mailgun),
    Smtp(Smtp),
}

impl Provider {
    pub(super) fn new(config: &EmailConfig, http: reqwest::Client, clock: Clock) -> Self {
        let from = config.from.clone();
        match &config.provider {
            MailProvider::Resend { base_url, api_key } => {
                Self::Resend(Resend { from, base_url: base_url.clone(), api_key: api_key.clone(), http, clock })
            }
            MailProvider::Mailgun { base_url, api_key, domain } => {
                let url = format!("{base_url}/v3/{domain}/messages");
                Self::Mailgun(Mailgun { from, url, domain: domain.clone(), api_key: api_key.clone(), http, clock })
            }
            MailProvider::Smtp { url } => Self::Smtp(Smtp { from, url: url.clone() }),
        }
    }

    /// Hands a mail over for delivery. Returns the provider's name of it, where it tells one.
    pub(super) async fn send(&self, message: &Message<'_>) -> Result<Option<String>, Failure> {
        match self {
            Self::Resend(resend) => resend.send(message).await,
            Self::Mailgun(mailgun) => mailgun.send(message).await,
            Self::Smtp(smtp) => smtp.send(message).await,
        }
    }

    /// Tells whether a mail handed over twice under one key is delivered once.
    pub(super) fn knows_keys(&self) -> bool {
        matches!(self, Self::Resend(_))
    }
}

/// Makes a mail's own name for a provider without keys: the same on every try, so that mailboxes that compare show one mail.
pub(super) fn message_id(key: &str, domain: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    format!("<{}@{domain}>", key.chars().map(word).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mails_name_is_of_the_form_and_the_same_on_every_try() {
        assert_eq!(message_id("job-1/2", "example.com"), "<job-1-2@example.com>");
        assert_eq!(message_id("order:17> x", "example.com"), "<order-17--x@example.com>");
    }
}

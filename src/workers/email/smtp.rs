//! A mail server: one connection a mail. SMTP knows no idempotency keys, so what was sent is noted in Redis.
//!
//! Where the connection ends between the mail and the server's yes, nobody knows whether it took the mail. It is sent again then, under the
//! same Message-ID: a mail that comes twice is better than one that never comes.

use std::time::Duration;

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Code;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::time::timeout;

use super::provider::{Message, message_id};
use crate::config::{EMAIL_FROM, SMTP_URL, Secret};
use crate::domain::outcome::{Failure, FailureKind};

/// Longest wait for one answer of the server. Chosen: RFC 5321 grants minutes, which a function does not have.
const TIMEOUT: Duration = Duration::from_secs(7);

/// Longest time for one mail with all its answers. Chosen: under a handler's time, so that the failure says what it is.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(12);

/// A mail server. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Smtp {
    pub(super) from: String,
    pub(super) url: Secret,
}

/// A header lettre does not know.
macro_rules! header {
    ($name:ident, $text:literal) => {
        #[derive(Clone)]
        struct $name(String);

        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($text)
            }

            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    };
}

header!(AutoSubmitted, "Auto-Submitted");
header!(EntityRefId, "X-Entity-Ref-ID");

impl Smtp {
    /// Hands a mail to the server and returns its Message-ID.
    pub(super) async fn send(&self, message: &Message<'_>) -> Result<Option<String>, Failure> {
        let configured = |name: &str, expected| {
            Failure::new(FailureKind::Configuration, format!("the variable {name} is not {expected}"))
        };
        let from: Mailbox =
            self.from.parse().map_err(|_| configured(EMAIL_FROM, "an address the mail library takes"))?;
        let domain = from.email.domain().to_owned();
        let id = message_id(message.key, &domain);
        let mail = mail(message, from, &id)?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(self.url.expose())
            .map_err(|_| configured(SMTP_URL, "an address the mail library takes"))?
            .timeout(Some(TIMEOUT))
            .hello_name(ClientId::Domain(domain))
            .build::<Tokio1Executor>();
        match timeout(TOTAL_TIMEOUT, transport.send(mail)).await {
            Ok(Ok(_)) => Ok(Some(id.trim_matches(['<', '>']).to_owned())),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::new(FailureKind::Timeout, "the mail server: no answer in time")),
        }
    }
}

fn mail(message: &Message<'_>, from: Mailbox, id: &str) -> Result<lettre::Message, Failure> {
    let refused = |what| Failure::new(FailureKind::Rejected, format!("the mail library does not take the {what}"));
    let to: lettre::Address = message.to.expose().parse().map_err(|_| refused("recipient's address"))?;
    let mut builder = lettre::Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(message.subject)
        .message_id(Some(id.to_owned()))
        .header(AutoSubmitted("auto-generated".to_owned()));
    if let Some(about) = message.about {
        builder = builder.header(EntityRefId(about.job_id.to_string()));
    }
    let built = match message.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(message.text.to_owned(), html.to_owned())),
        None => builder.singlepart(SinglePart::plain(message.text.to_owned())),
    };
    built.map_err(|_| refused("mail"))
}

/// Says what went wrong. The server's text is left out: it mostly repeats the address.
fn failure(error: &SmtpError) -> Failure {
    if let Some(code) = error.status() {
        return refusal(code);
    }
    let (kind, what) = match error {
        error if error.is_timeout() => (FailureKind::Timeout, "no answer in time"),
        error if error.is_tls() => (FailureKind::Unavailable, "no TLS connection"),
        error if error.is_client() => (FailureKind::Configuration, "it does not offer what the address asks for"),
        error if error.is_response() => (FailureKind::Unavailable, "an answer that is none"),
        _ => (FailureKind::Unavailable, "no connection, or it broke"),
    };
    Failure::new(kind, format!("the mail server: {what}"))
}

/// Says what a code means: 4xx passes, 53x is about who we are, another 5xx is final. RFC 5321 and RFC 4954.
fn refusal(code: Code) -> Failure {
    let number: u16 = code.into();
    match number {
        400..=499 => Failure::new(FailureKind::Unavailable, format!("the mail server answered code {number}")),
        530..=538 => {
            let message = format!("the mail server refused the name and password in {SMTP_URL}: code {number}");
            Failure::new(FailureKind::Configuration, message)
        }
        _ => Failure::new(FailureKind::Rejected, format!("the mail server answered code {number}")),
    }
}

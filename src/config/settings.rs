//! What the variables are made into: one group for each outside part.

use super::{Secret, Setting};
use crate::domain::alert::Limits;
use crate::domain::email_address::EmailAddress;
use crate::domain::signing_secret::SigningSecrets;

/// Where Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstashConfig {
    /// The REST address, without a slash at its end.
    pub url: String,
    /// The REST token.
    pub token: Secret,
}

/// How mails are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailConfig {
    /// The sender, as it stands in the mail.
    pub from: String,
    /// Who delivers them.
    pub provider: MailProvider,
    /// Whose mails they are.
    pub brand: Brand,
}

/// Who delivers mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailProvider {
    /// Resend.
    Resend {
        /// Its address, without a slash at its end.
        base_url: String,
        /// The API key.
        api_key: Secret,
    },
    /// Mailgun.
    Mailgun {
        /// Its address, without a slash at its end.
        base_url: String,
        /// The API key.
        api_key: Secret,
        /// The domain mails are sent from.
        domain: String,
    },
    /// A mail server.
    Smtp {
        /// Its address, with name and password where it asks for them.
        url: Secret,
    },
}

/// How mails look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// The name they are signed with.
    pub name: String,
    /// Their colour, `#` and six hexadecimal digits.
    pub color: String,
    /// A picture that stands in the place of the name: an https address.
    pub logo: Option<String>,
}

/// Where webhooks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// The endpoint.
    pub url: String,
    /// What signs them.
    pub secrets: SigningSecrets,
    /// The variable that names the endpoint.
    pub variable: &'static str,
}

/// When and where operators are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertConfig {
    /// From where on.
    pub limits: Limits,
    /// By mail.
    pub email: Option<EmailAddress>,
    /// By webhook.
    pub webhook: Option<Setting<WebhookConfig>>,
}

/// How Stripe is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeConfig {
    /// Stripe's address, without a slash at its end.
    pub base_url: String,
    /// The API key.
    pub secret_key: Secret,
}

/// Where audit records become rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupabaseConfig {
    /// The project's address, without a slash at its end.
    pub url: String,
    /// Its secret key.
    pub key: Secret,
}

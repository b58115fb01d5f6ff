//! Who delivers mails: the one whose variable is set.

use super::lookup::Lookup;
use super::names;
use super::{ConfigError, MailProvider, Secret, Setting};

/// What chooses the provider.
const CHOICES: [&str; 3] = [names::RESEND_API_KEY, names::MAILGUN_API_KEY, names::SMTP_URL];

impl<F: Fn(&'static str) -> Option<String>> Lookup<F> {
    pub(super) fn mail_provider(&self) -> Setting<MailProvider> {
        let mut set = CHOICES.into_iter().filter(|name| self.optional(name).is_some());
        match (set.next(), set.next()) {
            (None, _) => Err(ConfigError::NoneOf(&CHOICES)),
            (Some(one), Some(other)) => Err(ConfigError::Conflict(one, other)),
            (Some(names::RESEND_API_KEY), None) => Ok(MailProvider::Resend {
                base_url: self.url(names::RESEND_BASE_URL, "https://api.resend.com")?,
                api_key: self.credential(names::RESEND_API_KEY)?,
            }),
            (Some(names::MAILGUN_API_KEY), None) => self.mailgun(),
            (Some(_), None) => self.smtp(),
        }
    }

    fn mailgun(&self) -> Setting<MailProvider> {
        let region = self.optional(names::MAILGUN_REGION).unwrap_or_default().to_ascii_lowercase();
        let address = match region.as_str() {
            "" | "us" => "https://api.mailgun.net",
            "eu" => "https://api.eu.mailgun.net",
            _ => return Err(ConfigError::Malformed { name: names::MAILGUN_REGION, expected: "us or eu" }),
        };
        let domain = self.required(names::MAILGUN_DOMAIN)?;
        let is_host = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if !domain.bytes().all(is_host) {
            return Err(ConfigError::Malformed {
                name: names::MAILGUN_DOMAIN,
                expected: "a domain such as mg.example.com",
            });
        }
        let base_url = self.url(names::MAILGUN_BASE_URL, address)?;
        Ok(MailProvider::Mailgun { base_url, api_key: self.credential(names::MAILGUN_API_KEY)?, domain })
    }

    /// A password goes over TLS, or to this machine.
    fn smtp(&self) -> Setting<MailProvider> {
        let text = self.required(names::SMTP_URL)?;
        let is_safe = |url: &reqwest::Url| {
            let is_here = url.host_str().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
            let asks_for_tls = url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
            match url.scheme() {
                "smtps" => url.has_host(),
                "smtp" => url.has_host() && (url.password().is_none() || asks_for_tls || is_here),
                _ => false,
            }
        };
        match reqwest::Url::parse(&text).ok().filter(is_safe) {
            Some(_) => Ok(MailProvider::Smtp { url: Secret::new(text) }),
            None => Err(ConfigError::Malformed {
                name: names::SMTP_URL,
                expected: "an address such as smtps://user:password@host, or smtp://user:password@host?tls=required",
            }),
        }
    }
}

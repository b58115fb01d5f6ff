//! From the text of a variable to the setting, or to what is wrong with it.

use std::time::Duration;

use super::names;
use super::{
    AlertConfig, Brand, ConfigError, EmailConfig, Secret, Setting, StripeConfig, SupabaseConfig, UpstashConfig,
    WebhookConfig,
};
use crate::domain::alert::Limits;
use crate::domain::email_address::EmailAddress;
use crate::domain::limits::{DEFAULT_TIME_BOX, MAX_TIME_BOX};
use crate::domain::sealed::PayloadKeys;
use crate::domain::signing_secret::SigningSecrets;

/// Dead letters beyond which operators are told. From the seed design.
const DEFAULT_ALERT_DEAD_LETTERS: u64 = 10;

/// How long the oldest due job may have been so, in ms. Chosen: five missed ticks.
const DEFAULT_ALERT_OLDEST_DUE_MS: u64 = 300_000;

/// Fewest characters of a secret of ours. Chosen: 8 random characters are not guessed over a network before anyone notices,
/// and what is shorter was most likely set by accident.
const MIN_SECRET_CHARS: usize = 8;

/// Longest brand name, in characters. Chosen: one line of a phone's mail list.
const MAX_BRAND_CHARS: usize = 60;

/// Longest address of a logo. Chosen: mails are cut off by some readers beyond 100 KB.
const MAX_LOGO_URL_BYTES: usize = 500;

pub(super) struct Lookup<F>(pub(super) F);

impl<F: Fn(&'static str) -> Option<String>> Lookup<F> {
    pub(super) fn optional(&self, name: &'static str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(super) fn required(&self, name: &'static str) -> Setting<String> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    pub(super) fn secret(&self, name: &'static str) -> Setting<Secret> {
        let value = self.required(name)?;
        if value.chars().count() < MIN_SECRET_CHARS || value.chars().any(|c| !c.is_ascii_graphic()) {
            let expected = "at least 8 printable ASCII characters without spaces";
            return Err(ConfigError::Malformed { name, expected });
        }
        Ok(Secret::new(value))
    }

    /// A credential another service gave out: any printable text.
    pub(super) fn credential(&self, name: &'static str) -> Setting<Secret> {
        let value = self.required(name)?;
        if value.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(ConfigError::Malformed { name, expected: "printable ASCII without spaces" });
        }
        Ok(Secret::new(value))
    }

    pub(super) fn url(&self, name: &'static str, default: &str) -> Setting<String> {
        let value = self.optional(name).unwrap_or_else(|| default.to_owned());
        let url = reqwest::Url::parse(&value).ok();
        match url.filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host()) {
            Some(_) => Ok(value.trim_end_matches('/').to_owned()),
            None => Err(ConfigError::Malformed { name, expected: "an http or https address" }),
        }
    }

    pub(super) fn upstash(&self) -> Setting<UpstashConfig> {
        let vercels =
            self.optional(names::KV_REST_API_URL).is_some() || self.optional(names::UPSTASH_REDIS_REST_URL).is_none();
        let (url, token) = if vercels {
            (names::KV_REST_API_URL, names::KV_REST_API_TOKEN)
        } else {
            (names::UPSTASH_REDIS_REST_URL, names::UPSTASH_REDIS_REST_TOKEN)
        };
        self.required(url)?;
        Ok(UpstashConfig { url: self.url(url, "")?, token: self.credential(token)? })
    }

    /// Redis by its own protocol. A fragment is refused: in it a client may be told not to look at certificates.
    #[cfg(feature = "resp")]
    pub(super) fn redis_url(&self) -> Setting<Secret> {
        let value = self.required(names::REDIS_URL)?;
        let url = reqwest::Url::parse(&value).ok();
        let url =
            url.filter(|url| matches!(url.scheme(), "redis" | "rediss") && url.has_host() && url.fragment().is_none());
        let expected = "an address such as redis://user:password@host:6379 or rediss://...";
        url.map(|_| Secret::new(value)).ok_or(ConfigError::Malformed { name: names::REDIS_URL, expected })
    }

    pub(super) fn key_prefix(&self) -> Setting<String> {
        let value = self.optional(names::KEY_PREFIX).unwrap_or_default();
        if value.len() > 64 || !value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c)) {
            let expected = "at most 64 letters, digits and '-', '_', '.', ':'";
            return Err(ConfigError::Malformed { name: names::KEY_PREFIX, expected });
        }
        Ok(value)
    }

    pub(super) fn time_box(&self) -> Setting<Duration> {
        let Some(value) = self.optional(names::JOB_TIME_BOX_MS) else {
            return Ok(DEFAULT_TIME_BOX);
        };
        let time_box = value.parse().map(Duration::from_millis).ok();
        time_box.filter(|time_box| (Duration::from_millis(100)..=MAX_TIME_BOX).contains(time_box)).ok_or(
            ConfigError::Malformed {
                name: names::JOB_TIME_BOX_MS,
                expected: "a number of milliseconds from 100 to 900000",
            },
        )
    }

    pub(super) fn payload_keys(&self) -> Setting<Option<PayloadKeys>> {
        let keys = self.optional(names::PAYLOAD_KEYS).map(|text| PayloadKeys::parse(&text)).transpose();
        keys.map_err(|_| ConfigError::Malformed {
            name: names::PAYLOAD_KEYS,
            expected: "a name, ':' and base64 of 32 bytes, or several such with spaces between them",
        })
    }

    pub(super) fn log_level(&self) -> Setting<tracing::Level> {
        let level = self.optional(names::LOG_LEVEL).map_or(Ok(tracing::Level::INFO), |level| level.parse());
        level.map_err(|_| ConfigError::Malformed { name: names::LOG_LEVEL, expected: "error, warn, info or debug" })
    }

    pub(super) fn email(&self) -> Setting<EmailConfig> {
        let provider = self.mail_provider()?;
        let from = self.required(names::EMAIL_FROM)?;
        let address =
            from.strip_suffix('>').and_then(|named| named.rsplit_once('<')).map_or(from.as_str(), |(_, at)| at);
        if EmailAddress::parse(address).is_err() || from.chars().any(char::is_control) {
            let expected = "an address such as name@example.com or Name <name@example.com>";
            return Err(ConfigError::Malformed { name: names::EMAIL_FROM, expected });
        }
        Ok(EmailConfig { from, provider, brand: self.brand()? })
    }

    pub(super) fn brand(&self) -> Setting<Brand> {
        let name = self.optional(names::BRAND_NAME).unwrap_or_else(|| "Holdfast".to_owned());
        if name.chars().count() > MAX_BRAND_CHARS || name.chars().any(char::is_control) {
            return Err(ConfigError::Malformed {
                name: names::BRAND_NAME,
                expected: "at most 60 characters without control characters",
            });
        }
        let color = self.optional(names::BRAND_COLOR).unwrap_or_else(|| "#2f5bd7".to_owned());
        let digits = color.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ConfigError::Malformed {
                name: names::BRAND_COLOR,
                expected: "'#' and six hexadecimal digits",
            });
        }
        let logo = self.optional(names::BRAND_LOGO_URL);
        let is_logo = |url: &String| {
            url.starts_with("https://") && url.len() <= MAX_LOGO_URL_BYTES && url.bytes().all(|b| b.is_ascii_graphic())
        };
        if logo.as_ref().is_some_and(|url| !is_logo(url)) {
            let expected = "an https address of at most 500 ASCII characters";
            return Err(ConfigError::Malformed { name: names::BRAND_LOGO_URL, expected });
        }
        Ok(Brand { name, color, logo })
    }

    pub(super) fn alert(&self) -> Setting<AlertConfig> {
        let number = |name, default| match self.optional(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| ConfigError::Malformed { name, expected: "a number, 0 or more" }),
        };
        let malformed =
            |_| ConfigError::Malformed { name: names::ALERT_EMAIL, expected: "an address such as name@example.com" };
        let email =
            self.optional(names::ALERT_EMAIL).map(|text| EmailAddress::parse(&*text).map_err(malformed)).transpose()?;
        Ok(AlertConfig {
            limits: Limits {
                dead_letters: number(names::ALERT_DEAD_LETTERS, DEFAULT_ALERT_DEAD_LETTERS)?,
                oldest_due: Duration::from_millis(number(names::ALERT_OLDEST_DUE_MS, DEFAULT_ALERT_OLDEST_DUE_MS)?),
            },
            email,
            webhook: self.optional(names::ALERT_WEBHOOK_URL).map(|_| self.webhook_at(names::ALERT_WEBHOOK_URL)),
        })
    }

    pub(super) fn webhook(&self) -> Setting<WebhookConfig> {
        self.webhook_at(names::WEBHOOK_URL)
    }

    fn webhook_at(&self, name: &'static str) -> Setting<WebhookConfig> {
        self.required(name)?;
        let secrets = self.signing_secrets(names::WEBHOOK_SIGNING_SECRET)?;
        Ok(WebhookConfig { url: self.url(name, "")?, secrets, variable: name })
    }

    pub(super) fn webhook_legacy_header(&self) -> Setting<Option<http::HeaderName>> {
        let Some(text) = self.optional(names::WEBHOOK_LEGACY_HEADER) else { return Ok(None) };
        let taken = ["content-", "webhook-", "host", "user-agent", "traceparent"];
        let name = http::HeaderName::from_bytes(text.as_bytes()).ok();
        let name = name.filter(|name| !taken.iter().any(|start| name.as_str().starts_with(start)));
        let expected = "the name of a header that webhooks do not have already, such as x-webhook-signature";
        name.map(Some).ok_or(ConfigError::Malformed { name: names::WEBHOOK_LEGACY_HEADER, expected })
    }

    pub(super) fn allow_private(&self) -> Vec<String> {
        let allowed = self.optional(names::WEBHOOK_ALLOW_PRIVATE).unwrap_or_default();
        let allowed = allowed.split(',').map(str::trim).filter(|host| !host.is_empty());
        allowed.map(str::to_ascii_lowercase).collect()
    }

    pub(super) fn signing_secrets(&self, name: &'static str) -> Setting<SigningSecrets> {
        SigningSecrets::parse(&self.required(name)?).map_err(|_| ConfigError::Malformed {
            name,
            expected: "whsec_ and base64 of 24 to 64 bytes, or several such with spaces between them",
        })
    }

    pub(super) fn supabase(&self) -> Option<Setting<SupabaseConfig>> {
        self.optional(names::SUPABASE_URL)?;
        let key = self.credential(names::SUPABASE_SERVICE_ROLE_KEY);
        Some(key.and_then(|key| Ok(SupabaseConfig { url: self.url(names::SUPABASE_URL, "")?, key })))
    }

    pub(super) fn stripe(&self) -> Setting<StripeConfig> {
        let secret_key = self.credential(names::STRIPE_SECRET_KEY)?;
        Ok(StripeConfig { base_url: self.url(names::STRIPE_BASE_URL, "https://api.stripe.com")?, secret_key })
    }
}

//! The environment: every variable Holdfast reads, and what it makes of them.
//!
//! All of it is read once, before the first request. A variable that is missing or malformed is an error only for what
//! needs it, which then says its name. Values are trimmed: a secret pasted with a newline is still the secret.

use std::fmt;
use std::time::Duration;

use crate::domain::alert::Limits;
use crate::domain::email_address::EmailAddress;
use crate::domain::limits::{DEFAULT_TIME_BOX, MAX_TIME_BOX};
use crate::domain::signing_secret::SigningSecrets;

/// Upstash's REST address, as Vercel's integration names it.
pub const KV_REST_API_URL: &str = "KV_REST_API_URL";
/// Upstash's REST token, as Vercel's integration names it.
pub const KV_REST_API_TOKEN: &str = "KV_REST_API_TOKEN";
/// Upstash's REST address, as Upstash names it; read where the other pair is not set.
pub const UPSTASH_REDIS_REST_URL: &str = "UPSTASH_REDIS_REST_URL";
/// Upstash's REST token, as Upstash names it; read where the other pair is not set.
pub const UPSTASH_REDIS_REST_TOKEN: &str = "UPSTASH_REDIS_REST_TOKEN";
/// Put before every key, so that several deployments can share a database.
pub const KEY_PREFIX: &str = "KEY_PREFIX";
/// Lets its bearer run the processor, enqueue, and see jobs.
pub const JOB_PROCESSOR_SECRET_TOKEN: &str = "JOB_PROCESSOR_SECRET_TOKEN";
/// Sent by Vercel Cron as a bearer token.
pub const CRON_SECRET: &str = "CRON_SECRET";
/// How long one processor run may take, in milliseconds; on Lambda the function's own deadline may end it sooner.
pub const JOB_TIME_BOX_MS: &str = "JOB_TIME_BOX_MS";
/// Resend's API key.
pub const RESEND_API_KEY: &str = "RESEND_API_KEY";
/// Resend's address, for tests.
pub const RESEND_BASE_URL: &str = "RESEND_BASE_URL";
/// The sender of all mails: `name@domain` or `Name <name@domain>`.
pub const EMAIL_FROM: &str = "EMAIL_FROM";
/// The name mails are signed with.
pub const BRAND_NAME: &str = "BRAND_NAME";
/// The colour of mails, as `#rrggbb`.
pub const BRAND_COLOR: &str = "BRAND_COLOR";
/// Where changes of escrows are reported to.
pub const WEBHOOK_URL: &str = "WEBHOOK_URL";
/// Signs webhooks: `whsec_` and base64 of 24 to 64 bytes. Several, with spaces between them, while one replaces another.
pub const WEBHOOK_SIGNING_SECRET: &str = "WEBHOOK_SIGNING_SECRET";
/// Hosts, as `host:port` with commas between them, that webhooks may reach though they are private: for local development.
pub const WEBHOOK_ALLOW_PRIVATE: &str = "WEBHOOK_ALLOW_PRIVATE";
/// Stripe's secret or restricted API key.
pub const STRIPE_SECRET_KEY: &str = "STRIPE_SECRET_KEY";
/// Verifies Stripe's events: the endpoint's signing secret, `whsec_...`.
pub const STRIPE_WEBHOOK_SECRET: &str = "STRIPE_WEBHOOK_SECRET";
/// Where the processor is called after a change, such as `https://example.com/api/jobs/process`; without it the next tick of the cron sees
/// to what was caused.
pub const JOB_PROCESSOR_URL: &str = "JOB_PROCESSOR_URL";
/// Stripe's address, for tests.
pub const STRIPE_BASE_URL: &str = "STRIPE_BASE_URL";

/// Dead letters beyond which operators are told.
pub const ALERT_DEAD_LETTERS: &str = "ALERT_DEAD_LETTERS";
/// How long the oldest due job may have been so before operators are told, in milliseconds.
pub const ALERT_OLDEST_DUE_MS: &str = "ALERT_OLDEST_DUE_MS";
/// Where operators are told by mail.
pub const ALERT_EMAIL: &str = "ALERT_EMAIL";
/// Where operators are told by webhook, signed as all are.
pub const ALERT_WEBHOOK_URL: &str = "ALERT_WEBHOOK_URL";

/// What is logged at least: `error`, `warn`, `info` or `debug`.
pub const LOG_LEVEL: &str = "LOG_LEVEL";

/// Every variable, in the order of `.env.example`.
pub const VARIABLES: [&str; 25] = [
    KV_REST_API_URL,
    KV_REST_API_TOKEN,
    UPSTASH_REDIS_REST_URL,
    UPSTASH_REDIS_REST_TOKEN,
    KEY_PREFIX,
    JOB_PROCESSOR_SECRET_TOKEN,
    CRON_SECRET,
    JOB_TIME_BOX_MS,
    JOB_PROCESSOR_URL,
    EMAIL_FROM,
    RESEND_API_KEY,
    RESEND_BASE_URL,
    BRAND_NAME,
    BRAND_COLOR,
    WEBHOOK_URL,
    WEBHOOK_SIGNING_SECRET,
    WEBHOOK_ALLOW_PRIVATE,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    STRIPE_BASE_URL,
    ALERT_DEAD_LETTERS,
    ALERT_OLDEST_DUE_MS,
    ALERT_EMAIL,
    ALERT_WEBHOOK_URL,
    LOG_LEVEL,
];

/// Dead letters beyond which operators are told. From the seed design.
const DEFAULT_ALERT_DEAD_LETTERS: u64 = 10;

/// How long the oldest due job may have been so, in ms. Chosen: five missed ticks.
const DEFAULT_ALERT_OLDEST_DUE_MS: u64 = 300_000;

/// Fewest characters of a secret of ours. Chosen: 8 random characters are not guessed over a network before anyone notices,
/// and what is shorter was most likely set by accident.
const MIN_SECRET_CHARS: usize = 8;

/// Longest brand name, in characters. Chosen: one line of a phone's mail list.
const MAX_BRAND_CHARS: usize = 60;

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value out of reach of `Debug`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A variable that is not set, or not of its form. It names the variable, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not set, or empty.
    #[error("the variable {0} is not set")]
    Missing(&'static str),
    /// It is set to something else than it should be.
    #[error("the variable {name} is not {expected}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

/// A setting, or why there is none.
pub type Setting<T> = Result<T, ConfigError>;

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
    /// Resend's address, without a slash at its end.
    pub base_url: String,
    /// Resend's API key.
    pub api_key: Secret,
    /// Whose mails they are.
    pub brand: Brand,
}

/// How mails look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// The name they are signed with.
    pub name: String,
    /// Their colour, `#` and six hexadecimal digits.
    pub color: String,
}

/// Where webhooks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// The endpoint.
    pub url: String,
    /// What signs them.
    pub secrets: SigningSecrets,
    /// Private hosts that may be reached, as `host:port`.
    pub allow_private: Vec<String>,
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

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where Redis is.
    pub upstash: Setting<UpstashConfig>,
    /// What stands before every key.
    pub key_prefix: Setting<String>,
    /// The processor's token.
    pub processor_token: Setting<Secret>,
    /// The cron's secret.
    pub cron_secret: Setting<Secret>,
    /// How long one processor run may take.
    pub time_box: Setting<Duration>,
    /// What is logged at least.
    pub log_level: Setting<tracing::Level>,
    /// How mails are sent.
    pub email: Setting<EmailConfig>,
    /// Where webhooks go.
    pub webhook: Setting<WebhookConfig>,
    /// When and where operators are told.
    pub alert: Setting<AlertConfig>,
    /// How Stripe is reached.
    pub stripe: Setting<StripeConfig>,
    /// What Stripe signs its events with.
    pub stripe_webhook_secret: Setting<Secret>,
    /// Where the processor is called after a change.
    pub processor_url: Setting<String>,
}

impl Config {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the settings from whatever `get` looks names up in.
    pub fn from_lookup(get: impl Fn(&'static str) -> Option<String>) -> Self {
        let read = Lookup(get);
        Self {
            upstash: read.upstash(),
            key_prefix: read.key_prefix(),
            processor_token: read.secret(JOB_PROCESSOR_SECRET_TOKEN),
            cron_secret: read.secret(CRON_SECRET),
            time_box: read.time_box(),
            log_level: read.log_level(),
            email: read.email(),
            webhook: read.webhook(),
            alert: read.alert(),
            stripe: read.stripe(),
            stripe_webhook_secret: read.credential(STRIPE_WEBHOOK_SECRET),
            processor_url: read.required(JOB_PROCESSOR_URL).and_then(|_| read.url(JOB_PROCESSOR_URL, "")),
        }
    }
}

struct Lookup<F>(F);

impl<F: Fn(&'static str) -> Option<String>> Lookup<F> {
    fn optional(&self, name: &'static str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn required(&self, name: &'static str) -> Setting<String> {
        self.optional(name).ok_or(ConfigError::Missing(name))
    }

    fn secret(&self, name: &'static str) -> Setting<Secret> {
        let value = self.required(name)?;
        if value.chars().count() < MIN_SECRET_CHARS || value.chars().any(|c| !c.is_ascii_graphic()) {
            let expected = "at least 8 printable ASCII characters without spaces";
            return Err(ConfigError::Malformed { name, expected });
        }
        Ok(Secret(value))
    }

    /// A credential another service gave out: any printable text.
    fn credential(&self, name: &'static str) -> Setting<Secret> {
        let value = self.required(name)?;
        if value.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(ConfigError::Malformed { name, expected: "printable ASCII without spaces" });
        }
        Ok(Secret(value))
    }

    fn url(&self, name: &'static str, default: &str) -> Setting<String> {
        let value = self.optional(name).unwrap_or_else(|| default.to_owned());
        let url = reqwest::Url::parse(&value).ok();
        match url.filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host()) {
            Some(_) => Ok(value.trim_end_matches('/').to_owned()),
            None => Err(ConfigError::Malformed { name, expected: "an http or https address" }),
        }
    }

    fn upstash(&self) -> Setting<UpstashConfig> {
        let vercels = self.optional(KV_REST_API_URL).is_some() || self.optional(UPSTASH_REDIS_REST_URL).is_none();
        let (url, token) = if vercels {
            (KV_REST_API_URL, KV_REST_API_TOKEN)
        } else {
            (UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN)
        };
        self.required(url)?;
        Ok(UpstashConfig { url: self.url(url, "")?, token: self.credential(token)? })
    }

    fn key_prefix(&self) -> Setting<String> {
        let value = self.optional(KEY_PREFIX).unwrap_or_default();
        if value.len() > 64 || !value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c)) {
            let expected = "at most 64 letters, digits and '-', '_', '.', ':'";
            return Err(ConfigError::Malformed { name: KEY_PREFIX, expected });
        }
        Ok(value)
    }

    fn time_box(&self) -> Setting<Duration> {
        let Some(value) = self.optional(JOB_TIME_BOX_MS) else {
            return Ok(DEFAULT_TIME_BOX);
        };
        let time_box = value.parse().map(Duration::from_millis).ok();
        time_box.filter(|time_box| (Duration::from_millis(100)..=MAX_TIME_BOX).contains(time_box)).ok_or(
            ConfigError::Malformed { name: JOB_TIME_BOX_MS, expected: "a number of milliseconds from 100 to 900000" },
        )
    }

    fn log_level(&self) -> Setting<tracing::Level> {
        let level = self.optional(LOG_LEVEL).map_or(Ok(tracing::Level::INFO), |level| level.parse());
        level.map_err(|_| ConfigError::Malformed { name: LOG_LEVEL, expected: "error, warn, info or debug" })
    }

    fn email(&self) -> Setting<EmailConfig> {
        let api_key = self.credential(RESEND_API_KEY)?;
        let from = self.required(EMAIL_FROM)?;
        let address =
            from.strip_suffix('>').and_then(|named| named.rsplit_once('<')).map_or(from.as_str(), |(_, at)| at);
        if EmailAddress::parse(address).is_err() || from.chars().any(char::is_control) {
            let expected = "an address such as name@example.com or Name <name@example.com>";
            return Err(ConfigError::Malformed { name: EMAIL_FROM, expected });
        }
        Ok(EmailConfig {
            from,
            base_url: self.url(RESEND_BASE_URL, "https://api.resend.com")?,
            api_key,
            brand: self.brand()?,
        })
    }

    fn brand(&self) -> Setting<Brand> {
        let name = self.optional(BRAND_NAME).unwrap_or_else(|| "Holdfast".to_owned());
        if name.chars().count() > MAX_BRAND_CHARS || name.chars().any(char::is_control) {
            return Err(ConfigError::Malformed {
                name: BRAND_NAME,
                expected: "at most 60 characters without control characters",
            });
        }
        let color = self.optional(BRAND_COLOR).unwrap_or_else(|| "#2f5bd7".to_owned());
        let digits = color.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ConfigError::Malformed { name: BRAND_COLOR, expected: "'#' and six hexadecimal digits" });
        }
        Ok(Brand { name, color })
    }

    fn alert(&self) -> Setting<AlertConfig> {
        let number = |name, default| match self.optional(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| ConfigError::Malformed { name, expected: "a number, 0 or more" }),
        };
        let malformed =
            |_| ConfigError::Malformed { name: ALERT_EMAIL, expected: "an address such as name@example.com" };
        let email =
            self.optional(ALERT_EMAIL).map(|text| EmailAddress::parse(&*text).map_err(malformed)).transpose()?;
        Ok(AlertConfig {
            limits: Limits {
                dead_letters: number(ALERT_DEAD_LETTERS, DEFAULT_ALERT_DEAD_LETTERS)?,
                oldest_due: Duration::from_millis(number(ALERT_OLDEST_DUE_MS, DEFAULT_ALERT_OLDEST_DUE_MS)?),
            },
            email,
            webhook: self.optional(ALERT_WEBHOOK_URL).map(|_| self.webhook_at(ALERT_WEBHOOK_URL)),
        })
    }

    fn webhook(&self) -> Setting<WebhookConfig> {
        self.webhook_at(WEBHOOK_URL)
    }

    fn webhook_at(&self, name: &'static str) -> Setting<WebhookConfig> {
        self.required(name)?;
        let allowed = self.optional(WEBHOOK_ALLOW_PRIVATE).unwrap_or_default();
        let allowed = allowed.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_ascii_lowercase);
        let secrets = SigningSecrets::parse(&self.required(WEBHOOK_SIGNING_SECRET)?);
        Ok(WebhookConfig {
            url: self.url(name, "")?,
            secrets: secrets.map_err(|_| ConfigError::Malformed {
                name: WEBHOOK_SIGNING_SECRET,
                expected: "whsec_ and base64 of 24 to 64 bytes, or several such with spaces between them",
            })?,
            allow_private: allowed.collect(),
        })
    }

    fn stripe(&self) -> Setting<StripeConfig> {
        let secret_key = self.credential(STRIPE_SECRET_KEY)?;
        Ok(StripeConfig { base_url: self.url(STRIPE_BASE_URL, "https://api.stripe.com")?, secret_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(set: &[(&'static str, &str)]) -> Config {
        Config::from_lookup(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn either_pair_of_names_reaches_redis_and_vercels_wins() {
        let kv = [(KV_REST_API_URL, "https://a.upstash.io/"), (KV_REST_API_TOKEN, "ta\n")];
        let own = [(UPSTASH_REDIS_REST_URL, "https://b.upstash.io"), (UPSTASH_REDIS_REST_TOKEN, "tb")];
        let url = |set: &[_]| config(set).upstash.map(|upstash| upstash.url);
        assert_eq!(url(&kv).as_deref(), Ok("https://a.upstash.io"));
        assert_eq!(url(&own).as_deref(), Ok("https://b.upstash.io"));
        assert_eq!(url(&[kv, own].concat()).as_deref(), Ok("https://a.upstash.io"));
        assert_eq!(url(&[]), Err(ConfigError::Missing(KV_REST_API_URL)));
        assert_eq!(url(&own[..1]), Err(ConfigError::Missing(UPSTASH_REDIS_REST_TOKEN)));
        assert_eq!(config(&kv).upstash.unwrap().token.expose(), "ta");
    }

    #[test]
    fn a_secret_is_never_printed_and_never_short() {
        let token = config(&[(JOB_PROCESSOR_SECRET_TOKEN, "a-long-secret\n")]).processor_token;
        assert_eq!(format!("{token:?}"), "Ok(***)");
        assert!(config(&[(JOB_PROCESSOR_SECRET_TOKEN, "short")]).processor_token.is_err());
        assert_eq!(config(&[(CRON_SECRET, " ")]).cron_secret, Err(ConfigError::Missing(CRON_SECRET)));
    }

    #[test]
    fn a_malformed_value_is_named_with_what_was_expected_and_not_shown() {
        let error = config(&[(JOB_TIME_BOX_MS, "5s")]).time_box.unwrap_err().to_string();
        assert_eq!(error, "the variable JOB_TIME_BOX_MS is not a number of milliseconds from 100 to 900000");
        assert!(config(&[(KEY_PREFIX, "a b")]).key_prefix.is_err());
        let mail = [(RESEND_API_KEY, "re_1"), (EMAIL_FROM, "Holdfast <x@example.com>\r\nBcc: y@z")];
        assert!(config(&mail).email.is_err());
        let redis = [(KV_REST_API_URL, "redis://a:6379"), (KV_REST_API_TOKEN, "t")];
        assert!(config(&redis).upstash.is_err());
    }

    #[test]
    fn what_signs_and_brands_is_checked_before_anything_is_sent() {
        let webhook = |secret| {
            let set = [(WEBHOOK_URL, "https://partner.example/hooks"), (WEBHOOK_SIGNING_SECRET, secret)];
            config(&set).webhook.map(|webhook| format!("{:?}", webhook.secrets))
        };
        assert_eq!(webhook("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz").as_deref(), Ok("***"));
        assert_eq!(
            webhook("whsec_c2hvcnQ=").unwrap_err().to_string(),
            "the variable WEBHOOK_SIGNING_SECRET is not whsec_ and base64 of 24 to 64 bytes, or several such with spaces between them"
        );
        let brand = |name, color| {
            let set =
                [(RESEND_API_KEY, "re_1"), (EMAIL_FROM, "x@example.com"), (BRAND_NAME, name), (BRAND_COLOR, color)];
            config(&set).email.map(|email| (email.brand.name, email.brand.color))
        };
        assert_eq!(brand("", ""), Ok(("Holdfast".into(), "#2f5bd7".into())));
        assert!(brand("a\r\nBcc: x", "").is_err());
        assert!(brand("Shop", "red;}").is_err());
    }

    #[test]
    fn every_variable_is_listed_once() {
        let mut names = VARIABLES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VARIABLES.len());
    }
}

//! The environment: every variable Holdfast reads, and what it makes of them.
//!
//! All of it is read once, before the first request. A variable that is missing or malformed is an error only for what
//! needs it, which then says its name. Values are trimmed: a secret pasted with a newline is still the secret.

mod lookup;
mod mail;
mod names;
mod secret;
mod settings;

use std::time::Duration;

use crate::domain::sealed::PayloadKeys;
use crate::domain::signing_secret::SigningSecrets;
use lookup::Lookup;
pub use names::*;
pub use secret::Secret;
pub use settings::{
    AlertConfig, Brand, EmailConfig, MailProvider, StripeConfig, SupabaseConfig, UpstashConfig, WebhookConfig,
};

/// A variable that is not set, or not of its form. It names the variable, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not set, or empty.
    #[error("the variable {0} is not set")]
    Missing(&'static str),
    /// One of several is needed, and none is set.
    #[error("none of the variables {} is set", .0.join(", "))]
    NoneOf(&'static [&'static str]),
    /// Two are set of which one is needed: which is meant cannot be told.
    #[error("the variables {0} and {1} are both set; expected one of them")]
    Conflict(&'static str, &'static str),
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

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where Redis is.
    pub upstash: Setting<UpstashConfig>,
    /// Where Redis is by its own protocol.
    #[cfg(feature = "resp")]
    pub redis_url: Setting<Secret>,
    /// What stands before every key.
    pub key_prefix: Setting<String>,
    /// The processor's token.
    pub processor_token: Setting<Secret>,
    /// The cron's secret.
    pub cron_secret: Setting<Secret>,
    /// How long one processor run may take.
    pub time_box: Setting<Duration>,
    /// What seals payloads in the store; nothing where they are not sealed.
    pub payload_keys: Setting<Option<PayloadKeys>>,
    /// What is logged at least.
    pub log_level: Setting<tracing::Level>,
    /// Whose mails they are.
    pub brand: Setting<Brand>,
    /// How mails are sent.
    pub email: Setting<EmailConfig>,
    /// What Resend signs its events with.
    pub resend_webhook_secrets: Setting<SigningSecrets>,
    /// What Mailgun signs its events with.
    pub mailgun_webhook_key: Setting<Secret>,
    /// Where webhooks go that are for no endpoint of a partner's.
    pub webhook: Setting<WebhookConfig>,
    /// Private hosts that webhooks may reach, as `host:port`.
    pub webhook_allow_private: Vec<String>,
    /// A header with the older form of a signature, where webhooks are to have one.
    pub webhook_legacy_header: Setting<Option<http::HeaderName>>,
    /// When and where operators are told.
    pub alert: Setting<AlertConfig>,
    /// Where audit records become rows too; nothing where they do not.
    pub supabase: Option<Setting<SupabaseConfig>>,
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
            #[cfg(feature = "resp")]
            redis_url: read.redis_url(),
            key_prefix: read.key_prefix(),
            processor_token: read.secret(JOB_PROCESSOR_SECRET_TOKEN),
            cron_secret: read.secret(CRON_SECRET),
            time_box: read.time_box(),
            payload_keys: read.payload_keys(),
            log_level: read.log_level(),
            brand: read.brand(),
            email: read.email(),
            resend_webhook_secrets: read.signing_secrets(RESEND_WEBHOOK_SECRET),
            mailgun_webhook_key: read.credential(MAILGUN_WEBHOOK_SIGNING_KEY),
            webhook: read.webhook(),
            webhook_legacy_header: read.webhook_legacy_header(),
            webhook_allow_private: read.allow_private(),
            alert: read.alert(),
            supabase: read.supabase(),
            stripe: read.stripe(),
            stripe_webhook_secret: read.credential(STRIPE_WEBHOOK_SECRET),
            processor_url: read.required(JOB_PROCESSOR_URL).and_then(|_| read.url(JOB_PROCESSOR_URL, "")),
        }
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

    #[cfg(feature = "resp")]
    #[test]
    fn an_address_of_redis_is_checked_and_not_shown() {
        let url = |url| config(&[(REDIS_URL, url)]).redis_url;
        for good in ["redis://127.0.0.1:6379", "rediss://default:p%40ss@eu1-x.upstash.io:6379/0", "redis://[::1]/3"] {
            assert_eq!(url(good).unwrap().expose(), good);
        }
        for bad in ["rediss://h#insecure", "https://h", "redis://", "h:6379", "unix:///run/redis.sock"] {
            assert!(matches!(url(bad), Err(ConfigError::Malformed { .. })), "{bad}");
        }
        assert_eq!(format!("{:?}", url("redis://:hunter2@h")), "Ok(***)");
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
    fn the_variable_that_is_set_chooses_who_delivers_mails_and_two_are_an_error() {
        let provider =
            |set: &[_]| config(&[&[(EMAIL_FROM, "x@example.com")], set].concat()).email.map(|email| email.provider);
        let (resend, mailgun, smtp) =
            ((RESEND_API_KEY, "re_1"), (MAILGUN_API_KEY, "key-1"), (SMTP_URL, "smtps://u:p@mail.example.com"));
        let domain = (MAILGUN_DOMAIN, "mg.example.com");
        assert!(matches!(provider(&[resend]), Ok(MailProvider::Resend { .. })));
        assert!(matches!(provider(&[smtp]), Ok(MailProvider::Smtp { .. })));
        let at = |more: &[_]| match provider(&[&[mailgun, domain], more].concat()) {
            Ok(MailProvider::Mailgun { base_url, domain, .. }) => Ok(format!("{base_url} {domain}")),
            other => Err(other),
        };
        assert_eq!(at(&[]), Ok("https://api.mailgun.net mg.example.com".into()));
        assert_eq!(at(&[(MAILGUN_REGION, "EU")]), Ok("https://api.eu.mailgun.net mg.example.com".into()));
        assert!(at(&[(MAILGUN_REGION, "asia")]).is_err());
        assert_eq!(provider(&[mailgun]), Err(ConfigError::Missing(MAILGUN_DOMAIN)));
        assert!(provider(&[mailgun, (MAILGUN_DOMAIN, "mg.example.com/v3")]).is_err());
        for two in [[resend, mailgun], [resend, smtp], [mailgun, smtp]] {
            assert_eq!(provider(&two), Err(ConfigError::Conflict(two[0].0, two[1].0)));
        }
        let none = provider(&[]).unwrap_err().to_string();
        assert_eq!(none, "none of the variables RESEND_API_KEY, MAILGUN_API_KEY, SMTP_URL is set");
    }

    #[test]
    fn a_mail_servers_password_is_not_sent_in_the_clear() {
        let smtp = |url| config(&[(EMAIL_FROM, "x@example.com"), (SMTP_URL, url)]).email.is_ok();
        for good in [
            "smtps://u:p@mail.example.com",
            "smtp://u:p@mail.example.com:587?tls=required",
            "smtp://mail.example.com",
            "smtp://localhost:1025",
            "smtp://u:p@127.0.0.1:1025",
        ] {
            assert!(smtp(good), "{good}");
        }
        for bad in [
            "smtp://u:p@mail.example.com",
            "smtp://u:p@mail.example.com?tls=opportunistic",
            "https://mail.example.com",
            "mail.example.com",
            "smtp://",
        ] {
            assert!(!smtp(bad), "{bad}");
        }
    }

    #[test]
    fn a_header_that_webhooks_have_already_and_a_logo_that_is_no_address_are_refused() {
        let header = |name| config(&[(WEBHOOK_LEGACY_HEADER, name)]).webhook_legacy_header;
        assert_eq!(header("X-Webhook-Signature").unwrap().unwrap().as_str(), "x-webhook-signature");
        assert_eq!(header(""), Ok(None));
        for bad in ["webhook-signature", "Content-Type", "host", "a b", "x:y"] {
            assert!(header(bad).is_err(), "{bad}");
        }
        let logo = |url| config(&[(BRAND_LOGO_URL, url)]).brand.map(|brand| brand.logo);
        assert_eq!(logo("https://shop.example/l.png"), Ok(Some("https://shop.example/l.png".to_owned())));
        for bad in ["http://shop.example/l.png", "javascript:x", "https://a b", &format!("https://{}", "x".repeat(500))]
        {
            assert!(logo(bad).is_err(), "{bad}");
        }
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

//! The names of all variables, each with what it is for.

/// Upstash's REST address, as Vercel's integration names it.
pub const KV_REST_API_URL: &str = "KV_REST_API_URL";
/// Upstash's REST token, as Vercel's integration names it.
pub const KV_REST_API_TOKEN: &str = "KV_REST_API_TOKEN";
/// Upstash's REST address, as Upstash names it; read where the other pair is not set.
pub const UPSTASH_REDIS_REST_URL: &str = "UPSTASH_REDIS_REST_URL";
/// Upstash's REST token, as Upstash names it; read where the other pair is not set.
pub const UPSTASH_REDIS_REST_TOKEN: &str = "UPSTASH_REDIS_REST_TOKEN";
/// Redis by its own protocol, `redis://user:password@host:6379` or `rediss://...`: for `holdfast work`, which then needs no REST address.
pub const REDIS_URL: &str = "REDIS_URL";
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
/// Mailgun's API key.
pub const MAILGUN_API_KEY: &str = "MAILGUN_API_KEY";
/// The domain mails are sent from at Mailgun.
pub const MAILGUN_DOMAIN: &str = "MAILGUN_DOMAIN";
/// Where Mailgun keeps the domain: `us` or `eu`.
pub const MAILGUN_REGION: &str = "MAILGUN_REGION";
/// Mailgun's address, for tests.
pub const MAILGUN_BASE_URL: &str = "MAILGUN_BASE_URL";
/// A mail server: `smtps://user:password@host:465`, or `smtp://...?tls=required`.
pub const SMTP_URL: &str = "SMTP_URL";
/// Verifies Resend's events about mails: `whsec_` and base64. Several, with spaces between them, while one replaces another.
pub const RESEND_WEBHOOK_SECRET: &str = "RESEND_WEBHOOK_SECRET";
/// Verifies Mailgun's events about mails: its HTTP webhook signing key.
pub const MAILGUN_WEBHOOK_SIGNING_KEY: &str = "MAILGUN_WEBHOOK_SIGNING_KEY";
/// The sender of all mails: `name@domain` or `Name <name@domain>`.
pub const EMAIL_FROM: &str = "EMAIL_FROM";
/// The name mails are signed with.
pub const BRAND_NAME: &str = "BRAND_NAME";
/// The colour of mails, as `#rrggbb`.
pub const BRAND_COLOR: &str = "BRAND_COLOR";
/// A picture that stands in mails in the place of the name: an https address.
pub const BRAND_LOGO_URL: &str = "BRAND_LOGO_URL";
/// Where changes of escrows are reported to.
pub const WEBHOOK_URL: &str = "WEBHOOK_URL";
/// Signs webhooks: `whsec_` and base64 of 24 to 64 bytes. Several, with spaces between them, while one replaces another.
pub const WEBHOOK_SIGNING_SECRET: &str = "WEBHOOK_SIGNING_SECRET";
/// A header that webhooks have beside those of Standard Webhooks, with a signature of the form `t=<seconds>,v1=<hex>`, for receivers that know
/// it already.
pub const WEBHOOK_LEGACY_HEADER: &str = "WEBHOOK_LEGACY_HEADER";
/// Hosts, as `host:port` with commas between them, that webhooks may reach though they are private: for local development.
pub const WEBHOOK_ALLOW_PRIVATE: &str = "WEBHOOK_ALLOW_PRIVATE";
/// Stripe's secret or restricted API key.
pub const STRIPE_SECRET_KEY: &str = "STRIPE_SECRET_KEY";
/// Verifies Stripe's events: the endpoint's signing secret, `whsec_...`.
pub const STRIPE_WEBHOOK_SECRET: &str = "STRIPE_WEBHOOK_SECRET";
/// Where the processor is called after a change, such as `https://example.com/api/jobs/process`; without it the next tick of the cron sees
/// to what was caused.
pub const JOB_PROCESSOR_URL: &str = "JOB_PROCESSOR_URL";
/// Where Supabase is: audit records become rows there too.
pub const SUPABASE_URL: &str = "SUPABASE_URL";
/// Supabase's secret key, `sb_secret_...`, or the older service-role key.
pub const SUPABASE_SERVICE_ROLE_KEY: &str = "SUPABASE_SERVICE_ROLE_KEY";
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

/// Seals payloads in the store: a name, `:` and base64 of 32 bytes. Several, with spaces between them, while one replaces another.
pub const PAYLOAD_KEYS: &str = "PAYLOAD_KEYS";

/// What is logged at least: `error`, `warn`, `info` or `debug`.
pub const LOG_LEVEL: &str = "LOG_LEVEL";

/// Every variable, in the order of `.env.example`.
pub const VARIABLES: &[&str] = &[
    KV_REST_API_URL,
    KV_REST_API_TOKEN,
    UPSTASH_REDIS_REST_URL,
    UPSTASH_REDIS_REST_TOKEN,
    REDIS_URL,
    KEY_PREFIX,
    JOB_PROCESSOR_SECRET_TOKEN,
    CRON_SECRET,
    JOB_TIME_BOX_MS,
    JOB_PROCESSOR_URL,
    EMAIL_FROM,
    RESEND_API_KEY,
    RESEND_BASE_URL,
    RESEND_WEBHOOK_SECRET,
    MAILGUN_API_KEY,
    MAILGUN_DOMAIN,
    MAILGUN_REGION,
    MAILGUN_BASE_URL,
    MAILGUN_WEBHOOK_SIGNING_KEY,
    SMTP_URL,
    BRAND_NAME,
    BRAND_COLOR,
    BRAND_LOGO_URL,
    WEBHOOK_URL,
    WEBHOOK_SIGNING_SECRET,
    WEBHOOK_LEGACY_HEADER,
    WEBHOOK_ALLOW_PRIVATE,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    STRIPE_BASE_URL,
    SUPABASE_URL,
    SUPABASE_SERVICE_ROLE_KEY,
    ALERT_DEAD_LETTERS,
    ALERT_OLDEST_DUE_MS,
    ALERT_EMAIL,
    ALERT_WEBHOOK_URL,
    PAYLOAD_KEYS,
    LOG_LEVEL,
];

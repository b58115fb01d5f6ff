//! Variables: present, of their form, no placeholder, and fitting together. No value is shown.

use holdfast::config::{
    self, ALERT_EMAIL, ALERT_WEBHOOK_URL, CRON_SECRET, Config, ConfigError, EMAIL_FROM, JOB_PROCESSOR_SECRET_TOKEN,
    JOB_PROCESSOR_URL, KV_REST_API_TOKEN, KV_REST_API_URL, MAILGUN_API_KEY, MAILGUN_DOMAIN, RESEND_API_KEY, SMTP_URL,
    STRIPE_BASE_URL, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, UPSTASH_REDIS_REST_TOKEN, UPSTASH_REDIS_REST_URL,
    VARIABLES, WEBHOOK_ALLOW_PRIVATE, WEBHOOK_SIGNING_SECRET, WEBHOOK_URL,
};
use reqwest::Url;

use super::Finding;
use crate::variables::Variables;

/// What a variable's absence means, and what to do about it.
const NEEDED: [(&str, &str, &str); 4] = [
    (JOB_PROCESSOR_SECRET_TOKEN, "the operators' routes answer 503", RANDOM),
    (EMAIL_FROM, "every mail ends among the dead letters", "set it to an address of a domain that may send"),
    (STRIPE_SECRET_KEY, "no payment can be made, captured or refunded", "take it from Stripe's dashboard, API keys"),
    (
        STRIPE_WEBHOOK_SECRET,
        "Stripe's events are refused",
        "take the endpoint's signing secret from Stripe's dashboard",
    ),
];

const RANDOM: &str = "set it to what `openssl rand -hex 32` writes";

/// Parts of a value that nobody meant to deploy.
const PLACEHOLDERS: [&str; 10] =
    ["your-", "your_", "changeme", "change-me", "xxxx", "...", "placeholder", "example.com", "todo", "<your"];

/// Values of `cargo dev`, which anyone knows.
const KNOWN: [&str; 2] = ["dev-processor-token", "dev-cron-secret"];

/// Fewest characters of a secret that is not remarked upon. Chosen: 16 random letters and digits are 82 bits.
const STRONG: usize = 16;

/// Returns what was found about all variables.
pub(super) fn findings(variables: &Variables, config: &Config) -> Vec<Finding> {
    let set = |name: &str| variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let mut findings = Vec::new();
    let wrong = wrong(config);
    for &name in VARIABLES {
        let Some(value) = set(name) else {
            findings.extend(absent(name, &set));
            continue;
        };
        let wrong = wrong.iter().find(|(known, _)| *known == name);
        findings.push(match wrong {
            Some((_, what)) => Finding::problem(name, what, "mend it, and deploy again"),
            None => of_value(name, &value),
        });
    }
    findings.extend(misspelt(variables));
    findings.extend(of_stripe(&set));
    findings.extend(together(&set));
    findings
}

/// Variables that are set and cannot be used, each with what is wrong.
fn wrong(config: &Config) -> Vec<(&'static str, String)> {
    fn of<T>(setting: &config::Setting<T>) -> Option<(&'static str, String)> {
        match setting {
            Err(ConfigError::Malformed { name, expected }) => Some((name, format!("is not {expected}"))),
            Err(ConfigError::Conflict(one, other)) => {
                Some((other, format!("is set, and so is {one}: one of them is meant")))
            }
            _ => None,
        }
    }
    let alert_webhook = config.alert.as_ref().ok().and_then(|alert| alert.webhook.as_ref());
    let all = [
        of(&config.upstash),
        of(&config.redis_url),
        of(&config.key_prefix),
        of(&config.processor_token),
        of(&config.cron_secret),
        of(&config.time_box),
        of(&config.payload_keys),
        of(&config.log_level),
        of(&config.email),
        of(&config.webhook),
        of(&config.webhook_legacy_header),
        config.supabase.as_ref().and_then(of),
        of(&config.alert),
        of(&config.stripe),
        of(&config.stripe_webhook_secret),
        of(&config.processor_url),
        alert_webhook.and_then(of),
    ];
    all.into_iter().flatten().collect()
}

fn absent(name: &'static str, set: &impl Fn(&str) -> Option<String>) -> Option<Finding> {
    if let Some((_, means, cure)) = NEEDED.iter().find(|(known, ..)| *known == name) {
        return Some(Finding::problem(name, format!("is not set: {means}"), *cure));
    }
    let own_names = set(UPSTASH_REDIS_REST_URL).is_some() && set(KV_REST_API_URL).is_none();
    let missing = |means: &str| format!("is not set: {means}");
    match name {
        KV_REST_API_URL | KV_REST_API_TOKEN if !own_names => {
            let cure = "connect Upstash's integration, or copy both from Upstash's console, REST API";
            Some(Finding::problem(name, missing("there is no store"), cure))
        }
        UPSTASH_REDIS_REST_TOKEN if own_names => {
            Some(Finding::problem(name, missing("there is no store"), "copy it from Upstash's console, REST API"))
        }
        RESEND_API_KEY if [MAILGUN_API_KEY, SMTP_URL].iter().all(|other| set(other).is_none()) => {
            let cure = "set it, or MAILGUN_API_KEY and MAILGUN_DOMAIN, or SMTP_URL";
            Some(Finding::problem(name, missing("every mail ends among the dead letters"), cure))
        }
        MAILGUN_DOMAIN if set(MAILGUN_API_KEY).is_some() => {
            let cure = "set it to the domain mails are sent from";
            Some(Finding::problem(name, missing("every mail ends among the dead letters"), cure))
        }
        CRON_SECRET => {
            let cure = format!("{RANDOM}; on AWS alone it may stay unset");
            Some(Finding::warning(name, missing("Vercel's cron is refused"), cure))
        }
        JOB_PROCESSOR_URL => {
            let cure = "set it to https://<the deployment>/api/jobs/process, and they leave in about a second";
            Some(Finding::warning(name, missing("side effects wait for the next minute"), cure))
        }
        WEBHOOK_URL => {
            let cure = "set it, or give each partner endpoints with `holdfast partners add`";
            Some(Finding::warning(name, missing("a partner without endpoints of its own is told nothing"), cure))
        }
        WEBHOOK_SIGNING_SECRET if [WEBHOOK_URL, ALERT_WEBHOOK_URL].iter().any(|url| set(url).is_some()) => {
            let cure = "set it to whsec_ and what `openssl rand -base64 32` writes";
            Some(Finding::problem(name, missing("no webhook can be signed"), cure))
        }
        ALERT_EMAIL if set(ALERT_WEBHOOK_URL).is_none() => {
            let cure = "set it, or ALERT_WEBHOOK_URL, to where someone looks";
            Some(Finding::warning(name, missing("operators are told in the log alone"), cure))
        }
        _ => None,
    }
}

fn of_value(name: &'static str, value: &str) -> Finding {
    let lower = value.to_lowercase();
    if PLACEHOLDERS.iter().any(|part| lower.contains(part)) {
        return Finding::problem(name, "is a placeholder", "set it to the deployment's own value");
    }
    if value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(['"', '\'']) {
        return Finding::problem(name, "stands in quotes, which are part of it", "set it without them");
    }
    match name {
        STRIPE_SECRET_KEY => stripe_key(value),
        STRIPE_WEBHOOK_SECRET if !value.starts_with("whsec_") => {
            let cure = "take the endpoint's signing secret from Stripe's dashboard; it begins with whsec_";
            Finding::problem(name, "is no signing secret of Stripe's", cure)
        }
        JOB_PROCESSOR_SECRET_TOKEN | CRON_SECRET if KNOWN.contains(&value) => {
            Finding::problem(name, "is the one of cargo dev, which anyone knows", RANDOM)
        }
        JOB_PROCESSOR_SECRET_TOKEN | CRON_SECRET if value.len() < STRONG => Finding::warning(name, "is short", RANDOM),
        KV_REST_API_URL | UPSTASH_REDIS_REST_URL | JOB_PROCESSOR_URL | WEBHOOK_URL | ALERT_WEBHOOK_URL
            if value.starts_with("http://") && !is_local(value) =>
        {
            Finding::problem(name, "is http: tokens and personal data cross the network in the clear", "make it https")
        }
        JOB_PROCESSOR_URL if !value.trim_end_matches('/').ends_with("/api/jobs/process") => {
            Finding::problem(name, "does not end in /api/jobs/process", "give it the processor's path")
        }
        _ => Finding::fine(name, "set"),
    }
}

fn stripe_key(value: &str) -> Finding {
    let begins = |starts: [&str; 2]| starts.iter().any(|start| value.starts_with(start));
    if value.starts_with("pk_") {
        let cure = "take the secret key (sk_...) or a restricted one (rk_...)";
        return Finding::problem(STRIPE_SECRET_KEY, "is a publishable key, which may do nothing here", cure);
    }
    if is_live(value) {
        return Finding::fine(STRIPE_SECRET_KEY, "a live key: payments are real money");
    }
    if begins(["sk_test_", "rk_test_"]) {
        return Finding::fine(STRIPE_SECRET_KEY, "a test key: no money moves");
    }
    Finding::problem(STRIPE_SECRET_KEY, "is no key of Stripe's", "take one that begins with sk_ or rk_")
}

fn is_live(key: &str) -> bool {
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

/// Tells whether an address is of this machine.
fn is_local(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host == "[::1]"
}

/// Names in the file that are nearly those of a variable.
fn misspelt(variables: &Variables) -> Vec<Finding> {
    let unset = || VARIABLES.iter().filter(|known| variables.get(known).is_none());
    let names = variables.names_of_file().filter(|name| !VARIABLES.contains(name));
    let found = names.filter_map(|name| {
        let known = unset().find(|known| strsim::damerau_levenshtein(name, known) <= 2)?;
        Some(Finding::problem(name, format!("is read by nobody; {known} is not set"), format!("rename it to {known}")))
    });
    found.collect()
}

/// Whether test money and real money are kept apart.
fn of_stripe(set: &impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let Some(key) = set(STRIPE_SECRET_KEY) else { return Vec::new() };
    let own_url = set(JOB_PROCESSOR_URL);
    let (public, local) = (own_url.as_deref().map(|url| !is_local(url)), own_url.as_deref().map(is_local));
    let elsewhere = set(STRIPE_BASE_URL).is_some_and(|url| !url.starts_with("https://api.stripe.com"));
    let mut findings = Vec::new();
    if elsewhere && is_live(&key) {
        let cure = "unset STRIPE_BASE_URL, or use a test key";
        findings.push(Finding::problem(STRIPE_BASE_URL, "sends a live key to somebody else than Stripe", cure));
    } else if elsewhere && public == Some(true) {
        let found = "sends a public deployment's payments to a stand-in";
        findings.push(Finding::problem(STRIPE_BASE_URL, found, "unset it, or nobody pays"));
    }
    if is_live(&key) && local == Some(true) {
        let found = "is a live key, and the deployment is on this machine";
        findings.push(Finding::problem(STRIPE_SECRET_KEY, found, "use a test key here"));
    }
    if !is_live(&key) && !elsewhere && public == Some(true) {
        let cure = "use a live key once payments are meant to be real";
        findings.push(Finding::warning(STRIPE_SECRET_KEY, "is a test key on a public deployment", cure));
    }
    findings
}

/// What two variables say against each other.
fn together(set: &impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let pairs = [
        (CRON_SECRET, JOB_PROCESSOR_SECRET_TOKEN),
        (STRIPE_WEBHOOK_SECRET, WEBHOOK_SIGNING_SECRET),
        (JOB_PROCESSOR_SECRET_TOKEN, KV_REST_API_TOKEN),
    ];
    for (one, other) in pairs.into_iter().filter(|(one, other)| set(one).is_some() && set(one) == set(other)) {
        let cure = "give each a value of its own: who learns one must not have the other";
        findings.push(Finding::problem(one, format!("is the same as {other}"), cure));
    }
    let public = set(JOB_PROCESSOR_URL).is_some_and(|url| !is_local(&url));
    if public && set(WEBHOOK_ALLOW_PRIVATE).is_some() {
        let found = "lets a public deployment send webhooks to private hosts";
        findings.push(Finding::problem(WEBHOOK_ALLOW_PRIVATE, found, "unset it: it is for local development"));
    }
    let (vercels, own) = (set(KV_REST_API_URL), set(UPSTASH_REDIS_REST_URL));
    if vercels.is_some() && own.is_some() && vercels != own {
        let found = "names another store than KV_REST_API_URL, which is the one used";
        findings.push(Finding::warning(UPSTASH_REDIS_REST_URL, found, "unset the pair that is not meant"));
    }
    findings
}

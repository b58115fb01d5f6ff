//! The variables of the stack: what the environment and `.env` set, and for the rest what makes everything work here.

use std::io;
use std::path::Path;

use super::StackOptions;
use crate::mail::MailOptions;
use crate::rest::RestServer;
use crate::stripe::StripeOptions;

/// Signs the webhooks of the stack. Anyone may know it: nothing outside this machine trusts it.
pub(super) const WEBHOOK_SECRET: &str = "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==";

/// Why `.env` was not read.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// It is there and cannot be opened.
    #[error("cannot read .env")]
    Read(#[source] io::Error),
    /// A line is not `NAME=value`.
    #[error(".env: {0}; expected lines of the form NAME=value")]
    Parse(String),
}

/// Reads `.env` in this folder, where there is one, into the process's environment. What is set already stays.
pub fn read_env_file() -> Result<(), EnvFileError> {
    if !Path::new(".env").exists() {
        return Ok(());
    }
    dotenvy::dotenv().map(drop).map_err(|error| match error {
        dotenvy::Error::Io(error) => EnvFileError::Read(error),
        dotenvy::Error::LineParse(line, at) => EnvFileError::Parse(format!("character {at} of {line:?}")),
        other => EnvFileError::Parse(other.to_string()),
    })
}

/// Makes the lookup that the library reads its settings from.
#[expect(clippy::disallowed_methods, reason = "the stack stands where a platform would: it hands the environment in")]
pub(super) fn lookup(rest: &RestServer, site: &str, options: &StackOptions) -> impl Fn(&'static str) -> Option<String> {
    let (rest_url, rest_token) = (rest.url(), rest.token().to_owned());
    let (processor_token, cron_secret, site) =
        (options.processor_token.clone(), options.cron_secret.clone(), site.to_owned());
    let host = site.trim_start_matches("http://").to_owned();
    // Empty is as good as unset.
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    move |name| {
        let ours = match name {
            // These are the stack's own, whatever the environment says: a deployment's store is not to be met here.
            "KV_REST_API_URL" => return Some(rest_url.clone()),
            "KV_REST_API_TOKEN" => return Some(rest_token.clone()),
            "JOB_PROCESSOR_SECRET_TOKEN" => return Some(processor_token.clone()),
            "CRON_SECRET" => return Some(cron_secret.clone()),
            "STRIPE_SECRET_KEY" => Some("sk_test_dev".to_owned()),
            "STRIPE_BASE_URL" => Some(format!("{site}/dev/stripe/api")),
            "STRIPE_WEBHOOK_SECRET" => Some(StripeOptions::default().webhook_secret),
            "JOB_PROCESSOR_URL" => Some(format!("{site}/api/jobs/process")),
            // Another provider that is named takes its place: two would be an error.
            "RESEND_API_KEY" if ["MAILGUN_API_KEY", "SMTP_URL"].iter().any(|name| set(name).is_some()) => None,
            "RESEND_API_KEY" => Some("re_dev".to_owned()),
            "RESEND_BASE_URL" => Some(format!("{site}/dev/resend")),
            "RESEND_WEBHOOK_SECRET" => Some(MailOptions::default().webhook_secret),
            "EMAIL_FROM" => Some("Holdfast <holdfast@example.com>".to_owned()),
            "WEBHOOK_URL" => Some(format!("{site}/dev/webhooks/in")),
            "WEBHOOK_SIGNING_SECRET" => Some(WEBHOOK_SECRET.to_owned()),
            "WEBHOOK_ALLOW_PRIVATE" => Some(host.clone()),
            _ => None,
        };
        set(name).or(ours)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn a_copy_of_the_example_can_be_read_and_sets_nothing_twice() {
        let example = include_str!("../../../.env.example");
        let read = dotenvy::from_read_iter(example.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
        let names: Vec<String> = example
            .lines()
            .filter_map(|line| line.trim_start_matches("# ").split_once('='))
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert!(read.iter().any(|(name, value)| name == "EMAIL_FROM" && value == "Holdfast <holdfast@example.com>"));
    }
}

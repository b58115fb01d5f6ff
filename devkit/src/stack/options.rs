//! What can be chosen about the stack.

use std::path::PathBuf;

use clap::Parser;

use crate::rest::RedisAddress;

const PROCESSOR_TOKEN: &str = "dev-processor-token";
const CRON_SECRET: &str = "dev-cron-secret";

/// Holdfast on this machine: every route, Redis behind Upstash's REST API, a cron, a Stripe sandbox, an outbox and a webhook
/// sink, until Ctrl-C. Variables are read from the environment and from a file `.env` in this folder.
#[derive(Clone, Debug, Parser)]
#[command(name = "dev", bin_name = "cargo dev --")]
pub struct StackOptions {
    /// Port of the routes on 127.0.0.1; 0 is a free one.
    #[arg(long, env = "DEV_PORT", default_value_t = 3000)]
    pub port: u16,
    /// Port of the REST API on 127.0.0.1; 0 is a free one.
    #[arg(long, env = "DEV_REST_PORT", default_value_t = 8079)]
    pub rest_port: u16,
    /// Token of the REST API.
    #[arg(long, env = "DEV_REST_TOKEN", default_value = "dev-token")]
    pub rest_token: String,
    /// A Redis that runs already, as `redis://[[user]:password@]host[:port][/database]`; else one is started.
    #[arg(long, env = "DEV_REDIS_URL", conflicts_with = "data_dir")]
    pub redis_url: Option<RedisAddress>,
    /// Where the Redis that is started keeps its data; else it is gone afterwards.
    #[arg(long, env = "DEV_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Token of the processor's routes.
    #[arg(long, env = "JOB_PROCESSOR_SECRET_TOKEN", default_value = PROCESSOR_TOKEN, hide_env_values = true)]
    pub processor_token: String,
    /// Secret of the cron.
    #[arg(long, env = "CRON_SECRET", default_value = CRON_SECRET, hide_env_values = true)]
    pub cron_secret: String,
    /// Seconds between two calls of the cron; a platform's is 60.
    #[arg(long, env = "DEV_CRON_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub cron_seconds: u64,
    /// No cron: jobs wait until the processor's route is called.
    #[arg(long)]
    pub no_cron: bool,
    /// Only Redis and its REST API.
    #[arg(long)]
    pub only_redis: bool,
}

impl StackOptions {
    /// Takes a variable that is set to nothing, as a copied `.env.example` does, for one that is not set.
    pub(super) fn with_defaults_for_empty(mut self) -> Self {
        for (value, default) in [(&mut self.processor_token, PROCESSOR_TOKEN), (&mut self.cron_secret, CRON_SECRET)] {
            if value.trim().is_empty() {
                default.clone_into(value);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_token_is_none() {
        let options = StackOptions::parse_from(["dev", "--processor-token", "", "--cron-secret", "mine"]);
        let options = options.with_defaults_for_empty();
        assert_eq!((options.processor_token.as_str(), options.cron_secret.as_str()), (PROCESSOR_TOKEN, "mine"));
    }
}

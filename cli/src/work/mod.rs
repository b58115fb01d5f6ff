//! `work`: a resident worker, and `healthy`: whether one is.

mod health;
mod idle;
mod lane;
mod signals;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use holdfast::config::REDIS_URL;
use holdfast::domain::job::JobType;
use holdfast::domain::limits::{HANDLER_TIMEOUT, MAX_CLAIM_LIMIT, MAX_TIME_BOX};
use holdfast::processor::Stopper;
use tokio::task::JoinSet;

use self::health::HealthFile;
pub(crate) use self::health::Healthy;
use self::idle::Idle;
use self::lane::{Lane, Shared};
use self::signals::Signals;
use crate::failure::Failure;
use crate::job_type;
use crate::process::checked;
use crate::session::Session;
use crate::variables::Variables;
use crate::words::{length, read_length};

/// Most claims at once. Chosen: each runs up to 32 handlers; beyond it another process, on another core, does more.
const MAX_CONCURRENCY: i64 = 32;

#[derive(Debug, Args)]
pub(crate) struct Work {
    /// Only this type; may stand several times, or several with commas between them.
    #[arg(long = "type", alias = "types", value_name = "TYPE", value_delimiter = ',', value_parser = job_type::parser())]
    types: Vec<JobType>,
    /// Claims under way at once, each running up to 32 jobs; all but one rest while there is little to do.
    #[arg(long, value_name = "CLAIMS", default_value_t = 1, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=MAX_CONCURRENCY))]
    concurrency: u32,
    /// Jobs of each type in one claim.
    #[arg(long, default_value_t = 100, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CLAIM_LIMIT)))]
    limit: u32,
    /// How long one box of work begins jobs; what a killed worker held comes back at most this and 36 s later.
    #[arg(long, value_name = "LENGTH", default_value = "20s", value_parser = read_box)]
    time_box: Duration,
    /// Wait after a look that found nothing, doubled up to the longest; each look is 4 commands.
    #[arg(long, value_name = "LENGTH", default_value = "1s", value_parser = read_idle)]
    idle_min: Duration,
    /// The longest such wait.
    #[arg(long, value_name = "LENGTH", default_value = "5s", value_parser = read_idle)]
    idle_max: Duration,
    /// How long jobs that run may take to end after the first signal.
    #[arg(long, value_name = "LENGTH", default_value = "25s", value_parser = read_grace)]
    grace: Duration,
    /// A file that is written anew while Redis answers, for `holdfast healthy`.
    #[arg(long, value_name = "FILE")]
    health_file: Option<PathBuf>,
}

fn within(text: &str, least: Duration, most: Duration, expected: &str) -> Result<Duration, String> {
    let length = read_length(text)?;
    if (least..=most).contains(&length) { Ok(length) } else { Err(format!("expected {expected}")) }
}

fn read_box(text: &str) -> Result<Duration, String> {
    within(text, Duration::from_secs(1), MAX_TIME_BOX, "1s to 15m")
}

fn read_idle(text: &str) -> Result<Duration, String> {
    within(text, Duration::from_millis(100), Duration::from_mins(5), "100ms to 5m")
}

fn read_grace(text: &str) -> Result<Duration, String> {
    within(text, Duration::ZERO, Duration::from_mins(15), "0s to 15m")
}

/// Tells whether a worker is to speak Redis' own protocol.
pub(crate) fn over_redis(variables: &Variables) -> bool {
    variables.get(REDIS_URL).is_some_and(|url| !url.trim().is_empty())
}

impl Work {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        if self.idle_min > self.idle_max {
            return Err(Failure::Usage("--idle-min is longer than --idle-max".into()));
        }
        let app = &session.app;
        let types = checked(self.types.clone(), app.config())?;
        log_to_stderr(session)?;
        let mut signals = Signals::listen()?;
        let (stopper, stop) = Stopper::new();
        let health = HealthFile::at(self.health_file.clone());
        let shared = Arc::new(Shared::new(app, types, self.limit, self.time_box, stop, health)?);
        let mut lanes = JoinSet::new();
        for number in 0..self.concurrency {
            let lane = Lane::new(Arc::clone(&shared), Idle::new(self.idle_min, self.idle_max));
            lanes.spawn(async move { if number == 0 { lane.watch().await } else { lane.help().await } });
        }
        let (claims, grace) = (self.concurrency, length(self.grace));
        let over = if app.config().redis_url.is_ok() { "Redis' own protocol" } else { "REST" };
        tracing::info!(
            claims,
            over,
            outcome = "started",
            "the worker looks for jobs over {over}, at most {claims} claims at once"
        );
        let mut told = false;
        loop {
            tokio::select! {
                ended = lanes.join_next() => match ended {
                    None => break,
                    Some(Ok(ended)) => ended?,
                    Some(Err(error)) => return Err(Failure::Service(format!("a part of the worker ended by itself: {error}"))),
                },
                signal = signals.next() => {
                    if told {
                        let back = length(self.time_box + HANDLER_TIMEOUT + Duration::from_secs(16));
                        let what = format!("a second {signal}: ended at once; what was under way comes back within {back}");
                        return Err(Failure::Service(what));
                    }
                    told = true;
                    stopper.drain(self.grace);
                    tracing::info!(signal, outcome = "draining", "{signal}: no more claims; what runs has {grace} to end");
                }
            }
        }
        let sums = shared.sums();
        tracing::info!(
            processed = sums.processed,
            completed = sums.completed,
            retried = sums.retried,
            dead_lettered = sums.dead_lettered,
            released = sums.released,
            outcome = "stopped",
            "the worker has stopped; it processed {} jobs",
            sums.processed
        );
        Ok(())
    }
}

/// Has what happens written to standard error: for a person, or as the functions write it.
fn log_to_stderr(session: &Session) -> Result<(), Failure> {
    let level = session.app.config().log_level.clone()?;
    let done = if session.json {
        tracing::subscriber::set_global_default(holdfast::telemetry::lines(level, std::io::stderr))
    } else {
        let lines = tracing_subscriber::fmt().with_target(false).with_writer(std::io::stderr);
        let lines = lines.with_ansi(std::io::stderr().is_terminal());
        tracing::subscriber::set_global_default(lines.with_max_level(level).finish())
    };
    done.map_err(|error| Failure::Service(error.to_string()))
}

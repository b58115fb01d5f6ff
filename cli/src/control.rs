//! What operators decide while it runs: pause, limits, recovery, the attempts of a job; and the jobs that wait for their time.

use std::fmt::Write;
use std::time::Duration;

use clap::{Args, Subcommand};
use holdfast::domain::control::{MAX_CONCURRENCY, Rate, Rule, Scope, TypeRules};
use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use holdfast::domain::limits::{MAX_MAX_ATTEMPTS, MAX_RECOVERED_DEATHS};
use holdfast::queue::{ControlView, MaxAttemptsSet};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Side, Table};
use crate::words::{length, number, read_length, seen_from};
use crate::{job, job_type};

/// A type, or all of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ScopeArgument {
    /// The type.
    #[arg(value_name = "TYPE", value_parser = job_type::parser())]
    job_type: Option<JobType>,
    /// Every type.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Limit {
    /// The type.
    #[arg(value_name = "TYPE", value_parser = job_type::parser())]
    job_type: JobType,
    #[command(flatten)]
    what: LimitWhat,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct LimitWhat {
    /// Jobs claimed in any period of a length: `10/1s`, `100/1m`; at most 1,000 jobs and a day.
    #[arg(long, value_name = "JOBS/LENGTH", value_parser = read_rate, allow_hyphen_values = true)]
    rate: Option<Rate>,
    /// Jobs held at once, by all processors together; at most 10,000.
    #[arg(long, value_name = "JOBS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY)))]
    concurrency: Option<u32>,
    /// Takes both limits away.
    #[arg(long, conflicts_with_all = ["rate", "concurrency"])]
    none: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Recovery {
    /// Dead letters of a retryable kind come back by themselves.
    On(ScopeArgument),
    /// They stay dead until someone brings them back.
    Off(ScopeArgument),
    /// Lets a type recover again after it stopped because what came back kept dying.
    Reset {
        /// The type.
        #[arg(value_name = "TYPE", value_parser = job_type::parser())]
        job_type: JobType,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MaxAttempts {
    /// The job's id.
    id: JobId,
    /// Attempts it shall have in all; with fewer than it has begun, its next failure is its last.
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_MAX_ATTEMPTS)))]
    attempts: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Delayed {
    /// Jobs shown.
    #[arg(long, default_value_t = 50, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

impl ScopeArgument {
    fn scope(&self) -> Scope {
        self.job_type.map_or(Scope::All, Scope::Type)
    }

    fn words(&self) -> String {
        self.job_type.map_or_else(|| "every type".to_owned(), |job_type| job_type.to_string())
    }
}

pub(crate) async fn show(session: &Session) -> Result<(), Failure> {
    let view = session.queue()?.control().await?;
    session.answer(&document(&view), || text(&view))
}

pub(crate) async fn pause(session: &Session, scope: &ScopeArgument, paused: bool) -> Result<(), Failure> {
    let words = if paused { "paused" } else { "resumed" };
    let done = format!("{words} {}; it holds from the next claim on\n", scope.words());
    set(session, &[Rule::Paused(scope.scope(), paused)], &done).await
}

impl Limit {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { job_type, what } = self;
        let mut rules = Vec::new();
        let mut words = Vec::new();
        if what.none {
            rules.extend([Rule::Rate(job_type, None), Rule::Concurrency(job_type, None)]);
            words.push("no limit".to_owned());
        }
        if let Some(rate) = what.rate {
            rules.push(Rule::Rate(job_type, Some(rate)));
            words.push(rate_text(rate));
        }
        if let Some(jobs) = what.concurrency {
            rules.push(Rule::Concurrency(job_type, Some(jobs)));
            words.push(format!("{} at once", number(jobs)));
        }
        let done = format!("{job_type}: {}; it holds from the next claim on\n", words.join(", "));
        set(session, &rules, &done).await
    }
}

impl Recovery {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let (scope, recovers) = match &self {
            Self::On(scope) => (scope, true),
            Self::Off(scope) => (scope, false),
            Self::Reset { job_type } => {
                let queue = session.queue()?;
                queue.reset_recovery(*job_type, &session.recorder()).await?;
                let view = queue.control().await?;
                return session.answer(&document(&view), || format!("{job_type} recovers again\n"));
            }
        };
        let words = if recovers { "come back" } else { "do not come back" };
        let done = format!("dead letters of {} {words} by themselves\n", scope.words());
        set(session, &[Rule::Recovery(scope.scope(), recovers)], &done).await
    }
}

async fn set(session: &Session, rules: &[Rule], done: &str) -> Result<(), Failure> {
    let queue = session.queue()?;
    queue.set_rules(rules, &session.recorder()).await?;
    let view = queue.control().await?;
    session.answer(&document(&view), || done.to_owned())
}

impl MaxAttempts {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { id, attempts } = self;
        let queue = session.queue()?;
        match queue.set_max_attempts(&id, attempts, &session.recorder()).await? {
            MaxAttemptsSet::Done => {}
            MaxAttemptsSet::Processing => return Err(job::processing(&id)),
            MaxAttemptsSet::Over(status) => return Err(job::over(&id, status.as_str())),
            MaxAttemptsSet::UnknownJob => return Err(Failure::unknown_job(&id)),
        }
        let document = job::read(&queue, &id).await?;
        session.answer(&job::json(&document), || format!("{id} has {attempts} attempts in all\n"))
    }
}

impl Delayed {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let queue = session.queue()?;
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut jobs, mut after) = (Vec::new(), None);
        loop {
            let page = queue.delayed(after.as_ref(), self.limit).await?;
            jobs.extend(page.jobs);
            after = page.next;
            if jobs.len() >= most || after.is_none() {
                break;
            }
        }
        let more = after.is_some() || jobs.len() > most;
        jobs.truncate(most);
        let of = |job: &holdfast::queue::DelayedJob| json!({"id": job.id, "type": job.job_type, "due": job.due, "attempts": job.attempts});
        let document = json!({"delayed": jobs.iter().map(of).collect::<Vec<_>>(), "more": more});
        session.answer(&document, || {
            let columns = [("due", Side::Left), ("type", Side::Left), ("attempts", Side::Right), ("id", Side::Left)];
            let mut table = Table::new(&columns);
            let now = session.now();
            for job in &jobs {
                table.row([
                    seen_from(now, job.due),
                    job.job_type.to_string(),
                    job.attempts.to_string(),
                    job.id.to_string(),
                ]);
            }
            let mut text = if jobs.is_empty() { "no job waits for its time\n".to_owned() } else { table.text() };
            if more {
                let _ = writeln!(text, "... and more; --limit shows them");
            }
            text
        })
    }
}

/// A rate for a person: `10 in 1 s`.
pub(crate) fn rate_text(rate: Rate) -> String {
    format!("{} in {}", number(rate.jobs), length(rate.period))
}

fn read_rate(text: &str) -> Result<Rate, String> {
    let wrong = || format!("{text:?} is no rate; expected 1 to 1000 jobs in 1 ms to a day, such as 10/1s or 100/1m");
    let (jobs, period) = text.split_once('/').ok_or_else(wrong)?;
    let period: Duration = read_length(period).map_err(|_| wrong())?;
    jobs.parse().ok().and_then(|jobs| Rate::new(jobs, period)).ok_or_else(wrong)
}

/// The same names as `GET /api/jobs/control` answers with.
fn document(view: &ControlView) -> Value {
    let ControlView { rules, died_again } = view;
    let mut types = serde_json::Map::new();
    for job_type in JobType::ALL {
        let set: TypeRules = rules.types.get(&job_type).copied().unwrap_or_default();
        let died = died_again.get(&job_type).copied().unwrap_or(0);
        let rate = set.rate.map(
            |rate| json!({"jobs": rate.jobs, "periodMs": u64::try_from(rate.period.as_millis()).unwrap_or(u64::MAX)}),
        );
        let of_type = json!({
            "paused": rules.paused || set.paused, "rate": rate, "concurrency": set.concurrency,
            "recovery": rules.recovers(job_type), "diedAgain": died, "recoveryStopped": died >= MAX_RECOVERED_DEATHS,
        });
        types.insert(job_type.to_string(), of_type);
    }
    json!({"paused": rules.paused, "recovery": !rules.recovery_off, "types": types})
}

fn text(view: &ControlView) -> String {
    let columns = ["type", "state", "rate", "at once", "recovery"].map(|name| (name, Side::Left));
    let mut table = Table::new(&columns);
    for job_type in JobType::ALL {
        let set: TypeRules = view.rules.types.get(&job_type).copied().unwrap_or_default();
        let stopped = view.died_again.get(&job_type).is_some_and(|died| *died >= MAX_RECOVERED_DEATHS);
        let recovery = match (view.rules.recovers(job_type), stopped) {
            (false, _) => "off",
            (true, true) => "stopped: what came back kept dying",
            (true, false) => "on",
        };
        table.row([
            job_type.to_string(),
            if view.rules.paused || set.paused { "paused" } else { "runs" }.to_owned(),
            set.rate.map_or_else(|| "-".to_owned(), rate_text),
            set.concurrency.map_or_else(|| "-".to_owned(), number),
            recovery.to_owned(),
        ]);
    }
    table.text()
}

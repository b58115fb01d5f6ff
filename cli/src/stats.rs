//! `stats`: how much of everything there is, once or again and again.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use holdfast::domain::control::TypeRules;
use holdfast::domain::job::JobType;
use holdfast::domain::limits::MAX_RECOVERED_DEATHS;
use holdfast::queue::{ControlView, OldestDue, QueueStats};
use serde_json::{Value, json};

use crate::control::rate_text;
use crate::failure::Failure;
use crate::session::{Session, write};
use crate::table::{Side, Table};
use crate::words::{length, number};

/// Clears a terminal and goes to its first line.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Again every so many seconds, until Ctrl-C; three calls to Upstash each time. As JSON: a line each.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
}

/// All that is shown.
struct Seen {
    stats: QueueStats,
    oldest: OldestDue,
    control: ControlView,
}

impl Stats {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Some(seconds) = self.watch else {
            let seen = Seen::look(session).await?;
            return session.answer(&seen.document(), || seen.text());
        };
        let mut ticks = tokio::time::interval(Duration::from_secs(seconds));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let seen = Seen::look(session).await?;
            if session.json {
                write(&format!("{}\n", seen.document()))?;
            } else {
                write(&format!("{CLEAR}{}\nevery {seconds} s; Ctrl-C ends it\n", seen.text()))?;
            }
        }
    }
}

impl Seen {
    async fn look(session: &Session) -> Result<Self, Failure> {
        let queue = session.queue()?;
        Ok(Self { stats: queue.stats().await?, oldest: queue.oldest_due().await?, control: queue.control().await? })
    }

    /// The same names as `GET /api/jobs/process` answers with.
    fn document(&self) -> Value {
        let Self { stats, oldest, control } = self;
        let mut document = json!({
            "dead_letter": stats.dead_letters,
            "processing": stats.in_flight.values().sum::<u64>(),
            "waiting": stats.waiting,
            "processingByType": stats.in_flight,
            "oldestDueAgeMs": oldest.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            "paused": control.rules.paused,
            "counters": stats.counters,
        });
        for (job_type, ready) in &stats.ready {
            document[job_type.as_str()] = json!(ready);
        }
        document
    }

    fn text(&self) -> String {
        let stats = &self.stats;
        let columns = ["ready", "processing", "completed", "retried", "dead"].map(|name| (name, Side::Right));
        let mut table = Table::new(&[&[("type", Side::Left)], &columns[..], &[("set", Side::Left)]].concat());
        for job_type in JobType::ALL {
            let counted = |event| number(stats.counters.get(&format!("{job_type}:{event}")).copied().unwrap_or(0));
            let of = |map: &std::collections::BTreeMap<JobType, u64>| number(map.get(&job_type).copied().unwrap_or(0));
            let (ready, processing) = (of(&stats.ready), of(&stats.in_flight));
            let (completed, retried, dead) = (counted("completed"), counted("retried"), counted("dead"));
            table.row([job_type.to_string(), ready, processing, completed, retried, dead, self.set(job_type)]);
        }
        let mut text = table.text();
        let oldest = self.oldest.age.map_or_else(|| "nothing is due".to_owned(), |age| format!("for {}", length(age)));
        let facts = [
            ("waiting for their time", number(stats.waiting)),
            ("dead letters", number(stats.dead_letters)),
            ("oldest job has been due", oldest),
        ];
        let _ = write!(text, "\n{}", Table::of_facts(facts).text());
        if self.control.rules.paused {
            text.push_str("\nEvery type is paused: no job is claimed. `holdfast resume --all` ends it.\n");
        }
        text
    }

    fn set(&self, job_type: JobType) -> String {
        let rules: TypeRules = self.control.rules.types.get(&job_type).copied().unwrap_or_default();
        let mut words = Vec::new();
        if rules.paused {
            words.push("paused".to_owned());
        }
        words.extend(rules.rate.map(rate_text));
        words.extend(rules.concurrency.map(|jobs| format!("{} at once", number(jobs))));
        if !self.control.rules.recovers(job_type) {
            words.push("no recovery".to_owned());
        }
        if self.control.died_again.get(&job_type).is_some_and(|died| *died >= MAX_RECOVERED_DEATHS) {
            words.push("recovery stopped".to_owned());
        }
        words.join(", ")
    }
}

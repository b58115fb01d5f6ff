//! `dead-letter redrive` and `discard`: named ones whole or not at all; a type's or all in steps of a hundred, with progress.

use std::time::{Duration, Instant};

use clap::Args;
use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use holdfast::queue::{LetterOrder, MAX_IDS, Treatment};
use serde_json::json;

use super::Narrow;
use crate::failure::Failure;
use crate::job_type;
use crate::progress::Progress;
use crate::session::Session;
use crate::words::{count, length};

#[derive(Debug, Args)]
pub(crate) struct Which {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    narrow: Narrow,
    /// Discards a type's or all without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// Jobs by their ids, at most 100: all of them or none.
    #[arg(value_name = "ID")]
    ids: Vec<JobId>,
    /// Those of a type.
    #[arg(long = "type", value_name = "TYPE", value_parser = job_type::parser())]
    job_type: Option<JobType>,
    /// All.
    #[arg(long)]
    all: bool,
}

impl Which {
    pub(crate) async fn run(self, session: &Session, treatment: Treatment) -> Result<(), Failure> {
        if self.of.ids.is_empty() { self.walk(session, treatment).await } else { self.named(session, treatment).await }
    }

    async fn named(self, session: &Session, treatment: Treatment) -> Result<(), Failure> {
        let Narrow { error_kind, since, until } = &self.narrow;
        if error_kind.is_some() || since.is_some() || until.is_some() {
            let message = "--error-kind, --since and --until narrow a type or all; the ids say it already";
            return Err(Failure::Usage(message.to_owned()));
        }
        let mut ids: Vec<JobId> = Vec::new();
        for id in self.of.ids {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.len() > MAX_IDS {
            return Err(Failure::Usage(format!("{} ids, expected at most {MAX_IDS}", ids.len())));
        }
        session.queue()?.treat(treatment, &ids, &session.recorder()).await?;
        let done = format!("{} {}\n", verb(treatment), count(ids.len(), "dead letter"));
        session.answer(&json!({"done": ids.len(), "skipped": 0, "steps": 1}), || done)
    }

    async fn walk(self, session: &Session, treatment: Treatment) -> Result<(), Failure> {
        let queue = session.queue()?;
        let total = queue.stats().await?.dead_letters;
        if treatment == Treatment::Discard && !self.yes {
            let which = self.of.job_type.map_or_else(|| "all".to_owned(), |job_type| format!("those of {job_type}"));
            let question = format!("There are {} dead letters. Discard {which}?", crate::words::number(total));
            if !session.confirm(&question)? {
                return Err(Failure::Refused("nothing was discarded; --yes does it without asking".to_owned()));
            }
        }
        let (filter, recorder) = (self.narrow.filter(self.of.job_type), session.recorder());
        let mut range = self.narrow.range(LetterOrder::Oldest, session.now());
        // What dies again while the steps go on is not met a second time.
        range.before = range.before.or(Some(session.now().plus(Duration::from_millis(1))));
        let (started, mut progress) = (Instant::now(), Progress::new(session.json, verb(treatment), total));
        let (mut done, mut skipped, mut steps) = (0, 0, 0);
        loop {
            let step = queue.treat_page(treatment, filter, &range, usize::MAX, &recorder).await?;
            done += step.done;
            skipped += step.skipped;
            steps += 1;
            progress.add(u64::try_from(step.done).unwrap_or(0));
            range.after = step.last.or(range.after);
            if !step.more {
                break;
            }
        }
        progress.end();
        session.answer(&json!({"done": done, "skipped": skipped, "steps": steps}), || {
            let left =
                if skipped == 0 { String::new() } else { format!("; {skipped} changed meanwhile and were left alone") };
            let (dead, steps) = (count(done, "dead letter"), count(steps, "step"));
            format!("{} {dead} in {steps} and {}{left}\n", verb(treatment), length(started.elapsed()))
        })
    }
}

fn verb(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Redrive => "redriven",
        Treatment::Discard => "discarded",
    }
}

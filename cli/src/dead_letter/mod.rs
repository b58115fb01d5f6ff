//! `dead-letter`: the jobs that will not be tried again by themselves.

mod edit;
mod list;
mod treat;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use holdfast::domain::millis::Millis;
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{DeadLetter, LetterFilter, LetterOrder, LetterRange, Treatment};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::job;
use crate::session::Session;
use crate::words::{When, read_when};

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetterCommand {
    /// Lists them, the newest first.
    List(list::List),
    /// Shows one with its payload and history.
    Show {
        /// The job's id.
        id: JobId,
    },
    /// Brings them back, each at the end of its queue with fresh attempts: named ones, a type's, or all.
    Redrive(treat::Which),
    /// Throws them away: named ones, a type's, or all. They can be read for a day more.
    Discard(treat::Which),
    /// Gives one another payload; it stays dead until it is redriven.
    Edit(edit::Edit),
}

/// What narrows a list.
#[derive(Debug, Args)]
pub(crate) struct Narrow {
    /// Only those whose last failure was of this sort.
    #[arg(long, value_parser = kinds())]
    error_kind: Option<FailureKind>,
    /// Only those that died since: how long ago, such as 2h, or a date such as 2026-11-24T06:30:00Z.
    #[arg(long, value_name = "WHEN", value_parser = read_when)]
    since: Option<When>,
    /// Only those that died before.
    #[arg(long, value_name = "WHEN", value_parser = read_when)]
    until: Option<When>,
}

/// Takes the sorts of failure by their names, and lists them where another is given.
fn kinds() -> impl TypedValueParser<Value = FailureKind> {
    PossibleValuesParser::new(FailureKind::ALL.map(FailureKind::as_str))
        .try_map(|name| FailureKind::parse(&name).ok_or("is no sort of failure"))
}

impl Narrow {
    fn filter(&self, job_type: Option<JobType>) -> LetterFilter {
        LetterFilter { job_type, kind: self.error_kind }
    }

    fn range(&self, order: LetterOrder, now: Millis) -> LetterRange {
        let resolve = |when: Option<When>| when.map(|when| when.resolve(now));
        LetterRange { order, since: resolve(self.since), before: resolve(self.until), after: None }
    }
}

impl DeadLetterCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Show { id } => show(session, &id).await,
            Self::Redrive(which) => which.run(session, Treatment::Redrive).await,
            Self::Discard(which) => which.run(session, Treatment::Discard).await,
            Self::Edit(edit) => edit.run(session).await,
        }
    }
}

async fn find(session: &Session, id: &JobId) -> Result<DeadLetter, Failure> {
    let found = session.queue()?.dead_letters_of(std::slice::from_ref(id)).await?.pop().flatten();
    found.ok_or_else(|| Failure::Refused(format!("{id} is no dead letter; nothing was changed")))
}

async fn show(session: &Session, id: &JobId) -> Result<(), Failure> {
    let letter = find(session, id).await?;
    session.answer(&Shown::new(&letter), || job::text(&letter.document, session.now()))
}

/// The same names as `GET /api/jobs/dead-letter` answers with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    died_at: Millis,
    job: Box<RawValue>,
}

impl Shown {
    fn new(letter: &DeadLetter) -> Self {
        Self { died_at: letter.died_at, job: job::json(&letter.document) }
    }
}

//! What is done with whole dead letters, redrive or discard: by name, whole or not at all; or page by page along their list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::change::{Change, ChangeError, Changed};
use super::{DeadLetter, EditError, LetterPlace, LetterRange};
use crate::domain::audit_event::{AuditedChange, Subject};
use crate::domain::id::JobId;
use crate::domain::job::{JobStatus, JobType, NewJobError};
use crate::domain::limits::MAX_STEP_LETTERS;
use crate::domain::outcome::FailureKind;
use crate::queue::{Queue, Recorder};
use crate::upstash::UpstashError;

/// Times the dead letters are read again when one changed in between. Chosen: two operators at once are rare, four rarer.
const MAX_READS: u32 = 4;

/// What stands in a record for what may name people.
const WITHHELD: &str = "withheld";

/// What is done with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// They come back, with fresh attempts.
    Redrive,
    /// They are thrown away.
    Discard,
}

/// Which dead letters are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Only of this type.
    pub job_type: Option<JobType>,
    /// Only those whose last failure was of this sort.
    pub kind: Option<FailureKind>,
}

/// What was done with a page of dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// How many were treated.
    pub done: usize,
    /// How many changed in between and were left alone.
    pub skipped: usize,
    /// The place where the next step begins; nothing where nothing was found.
    pub last: Option<LetterPlace>,
    /// Whether others follow.
    pub more: bool,
}

/// Dead letters that were not treated; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreatError {
    /// These are no dead letters.
    #[error("{}; nothing was changed", not_dead(.0))]
    NotDead(Vec<JobId>),
    /// A claim holds it, because its id was put into a queue past the dead letters.
    #[error("a processor holds {0} just now; nothing was changed, it may be asked again afterwards")]
    Processing(JobId),
    /// Somebody else kept changing them.
    #[error("someone else is changing these dead letters; nothing was changed")]
    Restless,
    /// The payload is not what the type takes.
    #[error(transparent)]
    Payload(NewJobError),
    /// They were not taken.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl LetterFilter {
    /// Tells whether it lets every dead letter through.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether the dead letter is one of those.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let kind = letter.document.last_error.as_ref().and_then(|error| error.kind);
        self.job_type.is_none_or(|job_type| job_type == letter.document.job_type)
            && self.kind.is_none_or(|wanted| kind == Some(wanted))
    }
}

impl Treatment {
    fn event(self) -> &'static str {
        match self {
            Self::Redrive => "dead_letters_redriven",
            Self::Discard => "dead_letters_discarded",
        }
    }

    async fn apply(
        self,
        queue: &Queue,
        letters: &[DeadLetter],
        whole: bool,
        recorder: &Recorder,
    ) -> Result<Vec<Changed>, ChangeError> {
        let ids: Vec<&str> = letters.iter().map(|letter| letter.document.id.as_str()).collect();
        let after = match self {
            Self::Redrive => json!({"status": JobStatus::Pending, "jobIds": ids}),
            Self::Discard => Value::Null,
        };
        let dead = json!({"status": JobStatus::DeadLetter, "jobIds": ids});
        let record = recorder.record(AuditedChange::new(self.event(), Subject::the("dead_letters"), dead, after));
        let record = record.map_err(ChangeError::Record)?;
        let change = Change { whole, record: Some(record) };
        match self {
            Self::Redrive => queue.redrive(letters, &change).await,
            Self::Discard => queue.discard(letters, &change).await,
        }
    }
}

/// Returns the names of the fields in which two payloads differ.
fn changed_fields(before: &RawValue, after: &RawValue) -> BTreeSet<String> {
    let read =
        |payload: &RawValue| -> BTreeMap<String, Value> { serde_json::from_str(payload.get()).unwrap_or_default() };
    let (before, after) = (read(before), read(after));
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

impl Queue {
    /// Treats these dead letters, a hundred at most: all of them or none.
    pub async fn treat(&self, treatment: Treatment, ids: &[JobId], recorder: &Recorder) -> Result<(), TreatError> {
        for _ in 0..MAX_READS {
            let letters = self.find_all(ids).await?;
            let changed = treatment.apply(self, &letters, true, recorder).await?;
            let of = |word| (0..ids.len()).filter(|n| changed[*n] == word).map(|n| ids[n].clone()).collect::<Vec<_>>();
            if let Some(first) = of(Changed::Processing).first() {
                return Err(TreatError::Processing(first.clone()));
            }
            let not_dead = of(Changed::NotDead);
            if !not_dead.is_empty() {
                return Err(TreatError::NotDead(not_dead));
            }
            if of(Changed::Meanwhile).is_empty() {
                return Ok(());
            }
        }
        Err(TreatError::Restless)
    }

    /// Treats those of the next page of the range that are of the filter's, `limit` of them at most.
    pub async fn treat_page(
        &self,
        treatment: Treatment,
        filter: LetterFilter,
        range: &LetterRange,
        limit: usize,
        recorder: &Recorder,
    ) -> Result<Step, ChangeError> {
        let page = self.dead_letters(range, MAX_STEP_LETTERS).await?;
        let mut letters: Vec<DeadLetter> = page.letters.into_iter().filter(|letter| filter.matches(letter)).collect();
        // A page may hold more than are wanted: the step then ends in its middle.
        let full = letters.len() > limit;
        letters.truncate(limit);
        let last = if full { letters.last().map(DeadLetter::place) } else { page.last };
        let mut step = Step { last, more: page.more || full, ..Step::default() };
        if !letters.is_empty() {
            let changed = treatment.apply(self, &letters, false, recorder).await?;
            step.done = changed.iter().filter(|changed| **changed == Changed::Done).count();
            step.skipped = changed.len() - step.done;
        }
        Ok(step)
    }

    /// Gives a dead letter another payload.
    pub async fn edit_payload(&self, id: &JobId, payload: &RawValue, recorder: &Recorder) -> Result<(), TreatError> {
        for _ in 0..MAX_READS {
            let letters = self.find_all(std::slice::from_ref(id)).await?;
            // A payload may name people: the record says which fields are others, not what they hold.
            let fields = changed_fields(&letters[0].document.payload, payload);
            let (before, after) = (json!({"payload": WITHHELD}), json!({"payload": WITHHELD, "changedFields": fields}));
            let record =
                recorder.record(AuditedChange::new("dead_letter_edited", Subject::of("job", id), before, after));
            let record = record.map_err(TreatError::Payload)?;
            match self.edit(&letters[0], payload.to_owned(), Some(&record)).await? {
                Changed::Done => return Ok(()),
                Changed::Processing => return Err(TreatError::Processing(id.clone())),
                Changed::NotDead => return Err(TreatError::NotDead(vec![id.clone()])),
                Changed::Meanwhile | Changed::Untouched => {}
            }
        }
        Err(TreatError::Restless)
    }

    /// Finds dead letters, all of them or none.
    async fn find_all(&self, ids: &[JobId]) -> Result<Vec<DeadLetter>, TreatError> {
        let found = self.dead_letters_of(ids).await.map_err(ChangeError::from)?;
        let missing = ids.iter().zip(&found).filter(|(_, letter)| letter.is_none()).map(|(id, _)| id.clone());
        let missing: Vec<JobId> = missing.collect();
        if missing.is_empty() { Ok(found.into_iter().flatten().collect()) } else { Err(TreatError::NotDead(missing)) }
    }
}

impl From<UpstashError> for TreatError {
    fn from(error: UpstashError) -> Self {
        Self::Change(error.into())
    }
}

impl From<EditError> for TreatError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Payload(error) => Self::Payload(error),
            EditError::Upstash(error) => error.into(),
        }
    }
}

fn not_dead(ids: &[JobId]) -> String {
    let verb = if ids.len() == 1 { "is no dead letter" } else { "are no dead letters" };
    let ids: Vec<&str> = ids.iter().map(JobId::as_str).collect();
    format!("{} {verb}", ids.join(", "))
}

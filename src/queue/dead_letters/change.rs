//! What all changes of dead letters have in common: what is asked, what is answered, and what is on record.

use super::DeadLetter;
use crate::domain::id::JobId;
use crate::domain::job::{NewJob, NewJobError};
use crate::domain::limits::{MAX_STEP_BYTES, MAX_STEP_LETTERS};
use crate::upstash::{Reply, UpstashError};

/// Most dead letters in one change.
pub const MAX_IDS: usize = MAX_STEP_LETTERS;

/// How dead letters are changed.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// All of them or none.
    pub whole: bool,
    /// The job that writes the audit record; it is enqueued in the same step, where anything was changed.
    pub record: Option<NewJob>,
}

/// What became of a dead letter that was to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is changed, by this call or an earlier try of it.
    Done,
    /// Its document is no longer the one that was read.
    Meanwhile,
    /// A claim holds it, because its id was put into a queue past the dead letters.
    Processing,
    /// It is not a dead letter.
    NotDead,
    /// Nothing was in its way; another of the whole was refused.
    Untouched,
}

/// Dead letters that were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Too many at once, or too large together.
    #[error(
        "{count} dead letters of {bytes} bytes in one change, expected at most {MAX_STEP_LETTERS} of {MAX_STEP_BYTES}"
    )]
    TooLarge {
        /// How many.
        count: usize,
        /// Bytes of their documents.
        bytes: usize,
    },
    /// The record of the change is no job.
    #[error(transparent)]
    Record(NewJobError),
    /// Redis did not take the change.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

impl Change {
    pub(super) fn whole_arg(&self) -> &'static str {
        if self.whole { "1" } else { "" }
    }

    /// The record's id and document, as scripts take them.
    pub(in crate::queue) fn record_args(record: Option<&NewJob>) -> (String, String) {
        record.map_or_else(Default::default, |job| (job.document.id.to_string(), job.document.to_json()))
    }

    /// The id under which the record is stored.
    pub(in crate::queue) fn record_id(record: Option<&NewJob>) -> Option<&JobId> {
        record.map(|job| &job.document.id)
    }
}

/// Refuses what one script call cannot carry.
pub(super) fn check_size(letters: &[DeadLetter]) -> Result<(), ChangeError> {
    let (count, bytes) = (letters.len(), letters.iter().map(|letter| letter.stored.len()).sum());
    // A page of one document is never too large.
    if count > MAX_STEP_LETTERS || (count > 1 && bytes > MAX_STEP_BYTES + crate::domain::limits::MAX_BODY_BYTES) {
        return Err(ChangeError::TooLarge { count, bytes });
    }
    Ok(())
}

/// Reads a script's word for each dead letter; `done` is its own word for a change made.
pub(super) fn read(reply: Reply, done: &str, expected: usize) -> Result<Vec<Changed>, UpstashError> {
    let words = reply.array()?;
    if words.len() != expected {
        return Err(UpstashError::Unknown(format!("{} answers for {expected} dead letters", words.len())));
    }
    words.into_iter().map(|word| read_word(&word.text()?, done)).collect()
}

/// Reads one word.
pub(super) fn read_word(word: &str, done: &str) -> Result<Changed, UpstashError> {
    Ok(match word {
        "changed" => Changed::Meanwhile,
        "processing" => Changed::Processing,
        "not_dead" => Changed::NotDead,
        "ready" => Changed::Untouched,
        word if word == done => Changed::Done,
        other => return Err(UpstashError::Unknown(format!("a change of dead letters answered {other:?}"))),
    })
}

//! Dead letters: the jobs that will not be tried again by themselves, until someone brings them back, mends them or throws
//! them away.
//!
//! Each change compares the stored document with the one its caller read, so of two operators, or an operator and the recovery,
//! one wins, and a call that is repeated changes nothing more.

mod change;
mod discard;
mod edit;
mod page;
mod recover;
mod redrive;
mod treat;

pub(super) use discard::DISCARD;
pub(super) use edit::EDIT;
pub(super) use page::{DEAD_LETTERS, FIND};
pub(super) use recover::POSTPONE;
pub(super) use redrive::REDRIVE;

pub use change::{Change, ChangeError, Changed, MAX_IDS};
pub use edit::EditError;
pub use page::{LetterOrder, LetterPage, LetterPlace, LetterRange};
pub use recover::Recovered;
pub use treat::{LetterFilter, Step, TreatError, Treatment};

use crate::domain::job::JobDocument;
use crate::domain::millis::Millis;

/// A job that will not be tried again by itself.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The job, with why it died and how often it was tried.
    pub document: JobDocument,
    /// When it died.
    pub died_at: Millis,
    /// The document as stored.
    stored: String,
}

impl DeadLetter {
    /// Returns where it stands among the others.
    pub fn place(&self) -> LetterPlace {
        LetterPlace { died_at: self.died_at, id: self.document.id.clone() }
    }
}

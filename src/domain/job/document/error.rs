//! Why a text is no job document.

use crate::domain::job::JobType;
use crate::domain::limits::MAX_DOCUMENT_BYTES;

/// A text that is no job document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not a JSON object.
    #[error("job document is not a JSON object: {0}")]
    NotAnObject(String),
    /// A field every document needs is not there.
    #[error("job document has no {0:?}")]
    Missing(&'static str),
    /// A field is not of its form.
    #[error("job document's {name:?}: {reason}")]
    Field {
        /// The field.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It is larger than a processor takes; so many bytes.
    #[error("job document has {0} bytes, expected at most {MAX_DOCUMENT_BYTES}")]
    TooLarge(usize),
    /// Its payload is sealed, and its key does not open it.
    #[error("{0}")]
    Tampered(String),
    /// It is in one type's queue and says it is of another.
    #[error("job document is of type {found:?} and was in the queue of {expected}")]
    OtherType {
        /// The type it names.
        found: String,
        /// The queue's type.
        expected: JobType,
    },
}

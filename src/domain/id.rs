//! Names of jobs, claims and dedupe windows, and which texts may be one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::millis::Millis;

/// Longest id or dedupe key, in bytes. Chosen: Upstash takes keys of 32 KB; nobody reads an id of more than a line.
const MAX_BYTES: usize = 200;

/// Random characters at the end of a job id. From the seed design; 36^9 = 10^14 ids a millisecond.
pub const JOB_ID_RANDOM: usize = 9;

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// The text is empty or too long.
    #[error("{what} has {bytes} bytes, expected 1 to {MAX_BYTES}")]
    Length {
        /// What was being parsed.
        what: &'static str,
        /// How long the text is.
        bytes: usize,
    },
    /// A character has no place in an id.
    #[error("{what} has the character {found:?}, expected only letters, digits and {}", quoted(marks))]
    Character {
        /// What was being parsed.
        what: &'static str,
        /// What may be in one beside letters and digits.
        marks: &'static str,
        /// The first character that is not allowed.
        found: char,
    },
}

/// The marks of most ids.
const MARKS: &str = "-_.:";

/// Those of a partner: with a ':' the names of two partners' keys in Redis could be one.
const PARTNER_MARKS: &str = "-_.";

fn check(what: &'static str, marks: &'static str, text: &str) -> Result<(), ParseIdError> {
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err(ParseIdError::Length { what, bytes: text.len() });
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || marks.contains(*c))) {
        Some(found) => Err(ParseIdError::Character { what, marks, found }),
        None => Ok(()),
    }
}

fn quoted(marks: &str) -> String {
    marks.chars().map(|mark| format!("'{mark}'")).collect::<Vec<_>>().join(", ")
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $marks:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text that is of the form.
            pub fn parse(text: impl Into<String>) -> Result<Self, ParseIdError> {
                let text = text.into();
                check($what, $marks, &text)?;
                Ok(Self(text))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                Self::parse(text)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A job's id. Ours are `job-<ms>-<9 of a-z0-9>`; another producer's may be any text of the form.
    JobId, "job id", MARKS
}

text_id! {
    /// A key under which a second job of a type is a duplicate of the first, for one hour.
    DedupeKey, "dedupe key", MARKS
}

text_id! {
    /// The name of one claim: who holds the leases it gave. It is the fencing token.
    ClaimId, "claim id", MARKS
}

text_id! {
    /// An escrow's id. Ours are `esc_` and 20 of a-z0-9.
    EscrowId, "escrow id", MARKS
}

text_id! {
    /// A partner's id, as its API keys name it.
    PartnerId, "partner id", PARTNER_MARKS
}

text_id! {
    /// A webhook endpoint's id. Ours are `ep_` and 16 of a-z0-9.
    EndpointId, "endpoint id", MARKS
}

impl EndpointId {
    /// Makes the id of an endpoint out of random bytes: 36^16 = 10^24 ids.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random.iter().fold("ep_".to_owned(), |id, byte| id + &base36(*byte).to_string()))
    }
}

impl EscrowId {
    /// Makes the id of an escrow out of random bytes: 36^20 = 10^31 ids.
    pub fn new(random: [u8; 20]) -> Self {
        Self(random.iter().fold("esc_".to_owned(), |id, byte| id + &base36(*byte).to_string()))
    }
}

impl JobId {
    /// Makes the id of a job created `at`, with `random` at its end.
    pub fn new(at: Millis, random: [u8; JOB_ID_RANDOM]) -> Self {
        let tail: String = random.iter().map(|byte| base36(*byte)).collect();
        Self(format!("job-{at}-{tail}"))
    }

    /// Returns when the job was created, where the id is one of ours.
    pub fn created_at(&self) -> Option<Millis> {
        let (ms, tail) = self.0.strip_prefix("job-")?.split_once('-')?;
        let ours = tail.len() == JOB_ID_RANDOM && ms.len() <= 15;
        ms.parse().ok().filter(|_| ours).map(Millis)
    }
}

impl ClaimId {
    /// Makes a claim's id of random bytes.
    pub fn new(random: [u8; 12]) -> Self {
        Self(random.iter().map(|byte| base36(*byte)).collect())
    }
}

/// Maps a byte to one of `0-9a-z`. The bias (256 is no multiple of 36) costs a fraction of a bit.
fn base36(byte: u8) -> char {
    char::from_digit(u32::from(byte) % 36, 36).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_job_id_has_the_seeds_form_and_tells_its_age() {
        let id = JobId::new(Millis(1_706_234_567_890), [0, 1, 10, 35, 36, 71, 255, 9, 20]);
        assert_eq!(id.as_str(), "job-1706234567890-01az0z39k");
        assert_eq!(id.created_at(), Some(Millis(1_706_234_567_890)));
        assert_eq!(JobId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn another_producers_id_is_taken_and_has_no_age() {
        assert_eq!(JobId::parse("order:17.a_B").unwrap().created_at(), None);
    }

    #[test]
    fn texts_that_are_no_ids_are_refused_with_what_was_found() {
        assert_eq!(
            JobId::parse("a/b").unwrap_err().to_string(),
            "job id has the character '/', expected only letters, digits and '-', '_', '.', ':'"
        );
        assert_eq!(
            PartnerId::parse("acme:eu").unwrap_err().to_string(),
            "partner id has the character ':', expected only letters, digits and '-', '_', '.'"
        );
        assert_eq!(DedupeKey::parse("").unwrap_err().to_string(), "dedupe key has 0 bytes, expected 1 to 200");
        for bad in ["a b", "a\n", "ä", "a\0", "{x}", &"x".repeat(201)] {
            assert!(JobId::parse(bad).is_err(), "{bad:?}");
        }
    }
}

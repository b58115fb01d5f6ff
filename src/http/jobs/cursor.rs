//! Cursors: a place in a list, as a text that only this list can read.
//!
//! It carries a digest of what it belongs to: the list, its filters and the deployment's prefix. That is no secret; it tells a cursor
//! of another list, or of the same list asked for otherwise, from one of this.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::id::JobId;
use crate::domain::millis::Millis;
use crate::http::ApiError;
use crate::queue::LetterPlace;

/// Bytes of the digest. Chosen: it is there against mistakes, not against forgery.
const DIGEST_BYTES: usize = 8;

/// A place in a list, and the time the list ends at where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The place.
    pub(super) place: LetterPlace,
    /// What came later than this is not part of the list; 0 for no end.
    pub(super) before: Millis,
}

impl Cursor {
    /// Writes the cursor for the list that `scope` describes.
    pub(super) fn write(&self, scope: &str) -> String {
        let text = format!("{}/{}/{}", self.place.died_at, self.before, self.place.id);
        let mut bytes = digest(scope, &text).to_vec();
        bytes.extend(text.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of the list that `scope` describes.
    pub(super) fn read(text: &str, scope: &str) -> Result<Self, ApiError> {
        Self::try_read(text, scope).ok_or_else(|| {
            let detail =
                "the cursor is not one of this list; expected the one of its last answer, with the same filters";
            ApiError::invalid("invalid_cursor", detail)
        })
    }

    fn try_read(text: &str, scope: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (claimed, text) = bytes.split_at_checked(DIGEST_BYTES)?;
        let text = std::str::from_utf8(text).ok()?;
        if claimed != digest(scope, text) {
            return None;
        }
        let mut parts = text.splitn(3, '/');
        let mut time = || parts.next()?.parse().ok().map(Millis);
        let (died_at, before) = (time()?, time()?);
        let id = JobId::parse(parts.next()?).ok()?;
        Some(Self { place: LetterPlace { died_at, id }, before })
    }
}

fn digest(scope: &str, text: &str) -> [u8; DIGEST_BYTES] {
    let whole = Sha256::new().chain_update(scope).chain_update([0]).chain_update(text).finalize();
    let mut start = [0; DIGEST_BYTES];
    start.copy_from_slice(&whole[..DIGEST_BYTES]);
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_list_alone() {
        let place = LetterPlace { died_at: Millis(7), id: JobId::parse("job-1").unwrap() };
        let cursor = Cursor { place, before: Millis(9) };
        let text = cursor.write("redrive type=x");
        assert_eq!(Cursor::read(&text, "redrive type=x"), Ok(cursor));
        let cut = &text[..text.len() - 2];
        for (text, scope) in [(text.as_str(), "redrive"), (cut, "redrive type=x"), ("", "x"), ("AAAA", "x"), ("ä", "x")]
        {
            assert!(Cursor::read(text, scope).is_err(), "{text:?}");
        }
    }
}

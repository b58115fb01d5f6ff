//! The `Idempotency-Key` of a request: which texts are one, and what makes two requests the same.

use sha2::{Digest, Sha256};

use crate::domain::hex::hex;

/// Longest key, in characters. Stripe's limit, which callers know.
const MAX_CHARS: usize = 255;

/// A caller's name for a request, under which it is done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey(String);

/// A text that is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Idempotency-Key is not 1 to {MAX_CHARS} visible ASCII characters, bare or in double quotes")]
pub struct ParseRequestKeyError;

impl RequestKey {
    /// Takes a header's value: bare, or quoted as the IETF's draft has it. Both are the same key.
    pub fn parse(value: &str) -> Result<Self, ParseRequestKeyError> {
        let bare = Self::bare(value);
        let visible = bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        if visible && (1..=MAX_CHARS).contains(&bare.len()) {
            return Ok(Self(bare.to_owned()));
        }
        Err(ParseRequestKeyError)
    }

    /// Returns a header's value without the quotes it may stand in.
    pub(crate) fn bare(value: &str) -> &str {
        let value = value.trim();
        value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
    }

    /// Returns the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the digest that two requests share when they ask for the same: of method, path and body.
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), body] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    hex(digest.finalize())
}

/// Returns the name of a request in an escrow's history: a digest, so that the caller's key is seen by nobody else.
pub(super) fn name(caller: &str, key: &RequestKey) -> String {
    fingerprint(caller, key.as_str(), b"")[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_bare_and_quoted() {
        assert_eq!(RequestKey::parse("abc-1"), RequestKey::parse("\"abc-1\""));
        for bad in ["", "\"\"", "a b", "ä", "\"a", "a\"b", "a\u{7f}", &"x".repeat(256)] {
            assert_eq!(RequestKey::parse(bad), Err(ParseRequestKeyError), "{bad:?}");
        }
        assert!(RequestKey::parse(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn requests_differ_by_method_path_and_body() {
        let all =
            [("POST", "/a", "b"), ("PUT", "/a", "b"), ("POST", "/ab", ""), ("POST", "/a", "c"), ("POST", "/", "ab")];
        let mut digests: Vec<String> = all.iter().map(|(m, p, b)| fingerprint(m, p, b.as_bytes())).collect();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), all.len());
    }
}

//! API keys: shown once, kept as a digest.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::domain::hex::hex;

/// Random characters of a key. Chosen: 36^32 = 10^49 keys; nobody guesses one.
const RANDOM: usize = 32;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Real money.
    Live,
    /// Test money.
    Test,
}

/// An API key, as its bearer has it. It is never printed; what is stored is its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Makes a new key of random bytes: `hf_live_...` or `hf_test_...`.
    pub fn new(kind: KeyKind, random: [u8; RANDOM]) -> Self {
        let prefix = match kind {
            KeyKind::Live => "hf_live_",
            KeyKind::Test => "hf_test_",
        };
        let tail = random.iter().filter_map(|byte| char::from_digit(u32::from(*byte) % 36, 36));
        Self(prefix.chars().chain(tail).collect())
    }

    /// Takes what a caller presents.
    pub fn presented(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the digest under which the key is stored.
    pub fn sha256(&self) -> String {
        hex(Sha256::digest(&self.0))
    }

    /// Returns the key itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_it_is_for_and_is_stored_as_its_digest() {
        let key = ApiKey::new(KeyKind::Test, [35; 32]);
        assert_eq!(key.expose(), format!("hf_test_{}", "z".repeat(32)));
        assert_eq!(key.sha256().len(), 64);
        assert_eq!(ApiKey::presented(key.expose()).sha256(), key.sha256());
        assert_eq!(format!("{key:?}"), "***");
    }
}

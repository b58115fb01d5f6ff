//! The secrets that sign webhooks, in the form of Standard Webhooks 1.0.0.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What stands before every secret. Standard Webhooks 1.0.0.
const PREFIX: &str = "whsec_";

/// Bytes of a secret. Standard Webhooks 1.0.0.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Most secrets at once. Chosen: one is replaced by another, and perhaps again, three times, because no answer came.
pub const MAX_SECRETS: usize = 5;

/// One to five secrets; each signs. They are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecrets(Vec<Vec<u8>>);

/// A text that holds no secrets of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "signing secrets are not one to {MAX_SECRETS} of {PREFIX} and base64 of 24 to 64 bytes, with spaces between them"
)]
pub struct ParseSecretsError;

impl SigningSecrets {
    /// Takes one secret, or several with spaces between them.
    pub fn parse(text: &str) -> Result<Self, ParseSecretsError> {
        let keys: Option<Vec<Vec<u8>>> = text.split_ascii_whitespace().map(key).collect();
        match keys {
            Some(keys) if (1..=MAX_SECRETS).contains(&keys.len()) => Ok(Self(keys)),
            _ => Err(ParseSecretsError),
        }
    }

    /// Returns the keys, for the one place that signs.
    pub fn expose(&self) -> &[Vec<u8>] {
        &self.0
    }
}

fn key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    BYTES.contains(&key.len()).then_some(key)
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: usize) -> String {
        format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn several_secrets_are_read_while_one_replaces_another() {
        let both = format!("{}  {}", secret(24), secret(64));
        let lengths: Vec<usize> = SigningSecrets::parse(&both).unwrap().0.iter().map(Vec::len).collect();
        assert_eq!(lengths, [24, 64]);
    }

    #[test]
    fn a_secret_of_another_form_is_refused_with_all_beside_it() {
        let unprefixed = secret(32).replace(PREFIX, "");
        let beside = format!("{} whsec_!", secret(32));
        for bad in ["", "whsec_", "whsec_%%%", &secret(23), &secret(65), &unprefixed, &beside] {
            assert_eq!(SigningSecrets::parse(bad), Err(ParseSecretsError), "{bad:?}");
        }
        assert!(SigningSecrets::parse(&vec![secret(32); MAX_SECRETS + 1].join(" ")).is_err());
    }
}

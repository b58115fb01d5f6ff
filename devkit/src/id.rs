//! Ids that look like the ones the real services give out, and never repeat over restarts.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `prefix` followed by `length` random letters and digits.
pub(crate) fn token(prefix: &str, length: usize) -> String {
    let mut id = String::with_capacity(prefix.len() + length);
    id.push_str(prefix);
    // A byte modulo 62 favours eight letters slightly: harmless, these are names and no secrets.
    id.extend(random_bytes(length).into_iter().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])));
    id
}

/// A random UUID, version 4.
pub(crate) fn uuid() -> String {
    let mut bytes = random_bytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut id = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        for nibble in [byte >> 4, byte & 0x0f] {
            id.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    id
}

#[expect(clippy::expect_used, reason = "a machine without randomness cannot open a socket either")]
fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_prefix_and_length() {
        let id = token("pi_", 24);
        assert!(id.starts_with("pi_") && id.len() == 27, "{id}");
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        let id = uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
    }
}

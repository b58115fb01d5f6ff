//! A record's hash: SHA-256 over a text that any language can write.
//!
//! The text has five lines with one line feed between them and none at the end, in UTF-8:
//!
//! ```text
//! holdfast-audit-1
//! <hash of the record before, 64 hexadecimal digits in lower case; 64 zeros for the first>
//! <time, milliseconds since the Unix epoch, decimal>
//! <job id>
//! <event, as it stands in the record>
//! ```
//!
//! None of the first four can hold a line feed, so no two records have one text. In a shell:
//! `printf 'holdfast-audit-1\n%s\n%s\n%s\n%s' "$previous" "$time" "$job_id" "$event" | sha256sum`.

use sha2::{Digest, Sha256};

use crate::domain::hex::hex;

/// The first line. Another form of the text would have another.
const FORM: &str = "holdfast-audit-1";

/// What stands for the hash before the first record.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Returns the hash of a record that follows the one whose hash is `previous`.
pub(super) fn hash(previous: &str, time: &str, job_id: &str, event: &str) -> String {
    let mut sha256 = Sha256::new();
    for line in [FORM, "\n", previous, "\n", time, "\n", job_id, "\n", event] {
        sha256.update(line);
    }
    hex(sha256.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `printf ... | sha256sum`, as the module's text shows.
    #[test]
    fn a_shell_makes_the_same_hash() {
        assert_eq!(
            hash(GENESIS, "1706234567890", "job-1", r#"{"action":"release","n":1.10}"#),
            "540b36a81af15226aa39745af1ef378cc0d91468ee2af6a3c9fff1f1893289a9"
        );
    }

    #[test]
    fn every_part_of_a_record_is_in_its_hash() {
        let base = hash(GENESIS, "1", "job-1", "{}");
        let others = [
            hash(&base, "1", "job-1", "{}"),
            hash(GENESIS, "2", "job-1", "{}"),
            hash(GENESIS, "1", "job-2", "{}"),
            hash(GENESIS, "1", "job-1", "{ }"),
        ];
        assert!(others.iter().all(|other| *other != base));
    }
}

//! How a mail says which job it is of: two labels, which come back with every event about it.

use std::fmt::Write;

use crate::domain::id::JobId;

/// The label with the job's id. Other labels are other programs', whose events are none of ours.
pub const JOB_TAG: &str = "holdfast_job";

/// The label with the recipient's place among the job's, from 1.
pub const RECIPIENT_TAG: &str = "holdfast_recipient";

/// Longest value of a label, in characters. Resend's documentation, "Send Email", November 2026.
const MAX_CHARS: usize = 256;

/// Writes a job's id as a label's value, which has only ASCII letters, digits, '_' and '-': the rest is `_` and two hexadecimal digits.
/// Nothing for an id that gets too long; its mail is sent and its events are not told apart.
pub fn write_tag(id: &JobId) -> Option<String> {
    let mut value = String::new();
    for c in id.as_str().chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            value.push(c);
        } else {
            let _ = write!(value, "_{:02x}", u32::from(c));
        }
    }
    (value.len() <= MAX_CHARS).then_some(value)
}

/// Reads a job's id from a label's value.
pub fn read_tag(value: &str) -> Option<JobId> {
    let (mut id, mut rest) = (String::new(), value);
    while let Some((plain, escaped)) = rest.split_once('_') {
        id.push_str(plain);
        let (digits, after) = escaped.split_at_checked(2)?;
        id.push(u8::from_str_radix(digits, 16).ok()?.into());
        rest = after;
    }
    id.push_str(rest);
    JobId::parse(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_from_its_label() {
        for id in ["job-1706234567890-01az0z39k", "order:17.a_B", "_", "a_2e"] {
            let id = JobId::parse(id).unwrap();
            let tag = write_tag(&id).unwrap();
            assert!(tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{tag}");
            assert_eq!(read_tag(&tag), Some(id));
        }
        assert_eq!(write_tag(&JobId::parse("job-1").unwrap()).unwrap(), "job-1");
        assert_eq!(write_tag(&JobId::parse("_".repeat(100)).unwrap()), None);
        for bad in ["", "a_", "a_2", "a_zz", "a_20", "ä"] {
            assert_eq!(read_tag(bad), None, "{bad:?}");
        }
    }
}

//! The wall clock of the stand-ins, read here and nowhere else.
//!
//! Stripe, Resend and a partner's server have clocks of their own; these play their part.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "stands for the clock of a service outside Holdfast")]
pub(crate) fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// Seconds since 1970, as Stripe and webhook signatures count.
pub(crate) fn now_secs() -> i64 {
    now_ms() / 1000
}

/// The instant in RFC 3339, UTC; empty for one outside its range.
pub(crate) fn rfc3339(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|instant| instant.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Hours, minutes and seconds of the instant, UTC, for a person who watches.
pub(crate) fn time_of_day(ms: i64) -> String {
    let secs = (ms / 1000).rem_euclid(24 * 60 * 60);
    format!("{:02}:{:02}:{:02}.{:03}", secs / 3600, secs / 60 % 60, secs % 60, ms.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_an_instant_in_utc() {
        assert_eq!(rfc3339(1_700_000_000_250), "2023-11-14T22:13:20.25Z");
    }
}

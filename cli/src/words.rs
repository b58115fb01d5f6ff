//! Times and numbers as people write and read them.

use std::time::Duration;

use holdfast::domain::millis::Millis;
use holdfast::domain::thousands::thousands;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Writes how long something is, in its two largest units: `450 ms`, `12 s`, `3 min 5 s`, `2 h`, `6 d 4 h`.
pub(crate) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |large: u64, name: &str, small: u64, small_name: &str| {
        if small == 0 { format!("{large} {name}") } else { format!("{large} {name} {small} {small_name}") }
    };
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

/// Writes when something was or will be, seen from now: `3 min 5 s ago`, `in 2 h`.
pub(crate) fn seen_from(now: Millis, at: Millis) -> String {
    if at > now { format!("in {}", length(at.since(now))) } else { format!("{} ago", length(now.since(at))) }
}

/// Writes a number with its thousands apart: `10,000`.
pub(crate) fn number(number: impl TryInto<u64>) -> String {
    thousands(number.try_into().unwrap_or(u64::MAX))
}

/// Writes a count with its noun: `1 dead letter`, `2 dead letters`.
pub(crate) fn count(many: usize, noun: &str) -> String {
    let ending = if many == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", number(many))
}

/// Reads a length of time: a whole number with `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn read_length(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time; expected a number with ms, s, m, h or d, such as 90s or 2h");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(wrong)
}

/// A point in time as it is asked for: so long ago, or a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Ago(Duration),
    At(Millis),
}

impl When {
    /// Returns the point, seen from `now`.
    pub(crate) fn resolve(self, now: Millis) -> Millis {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => Millis(now.0.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))),
        }
    }
}

/// Reads a point in time: `2h` is two hours ago; else RFC 3339, such as 2026-11-24T06:30:00Z.
pub(crate) fn read_when(text: &str) -> Result<When, String> {
    if let Ok(ago) = read_length(text) {
        return Ok(When::Ago(ago));
    }
    read_time(text).map(When::At).map_err(|_| {
        format!("{text:?} is no time; expected how long ago, such as 2h, or a date such as 2026-11-24T06:30:00Z")
    })
}

/// Reads a date as RFC 3339 has it.
pub(crate) fn read_time(text: &str) -> Result<Millis, String> {
    let wrong = || format!("{text:?} is no date; expected one such as 2026-11-24T06:30:00Z");
    let date = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
    i64::try_from(date.unix_timestamp_nanos() / 1_000_000).map(Millis).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_in_its_two_largest_units() {
        let of = |ms| length(Duration::from_millis(ms));
        assert_eq!((of(0).as_str(), of(999).as_str(), of(59_999).as_str()), ("0 ms", "999 ms", "59 s"));
        assert_eq!((of(60_000).as_str(), of(185_000).as_str()), ("1 min", "3 min 5 s"));
        assert_eq!((of(7_500_000).as_str(), of(532_800_000).as_str()), ("2 h 5 min", "6 d 4 h"));
    }

    #[test]
    fn a_length_is_read_with_its_unit_and_nothing_else_is_one() {
        assert_eq!(read_length("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(read_length("7d"), Ok(Duration::from_hours(7 * 24)));
        for bad in ["", "5", "s", "-1s", "1.5h", "5 s", "99999999999999999999d", "18446744073709551615d"] {
            assert!(read_length(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_point_is_so_long_ago_or_a_date() {
        let now = Millis(10_000_000);
        assert_eq!(read_when("2h").unwrap().resolve(now), Millis(2_800_000));
        assert_eq!(read_when("1970-01-01T01:00:00+01:00").unwrap().resolve(now), Millis(0));
        assert!(read_when("yesterday").is_err());
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!((number(999_u64), number(1_234_567_u64)), ("999".to_owned(), "1,234,567".to_owned()));
        assert_eq!((count(1, "job"), count(0, "job")), ("1 job".to_owned(), "0 jobs".to_owned()));
    }
}

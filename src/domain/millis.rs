//! A point in time, in milliseconds since the Unix epoch, as Redis' `TIME` gives it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// Returns the point `duration` later; stays at the largest value instead of wrapping round.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Returns the point `duration` before; stays at the least value instead of wrapping round.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Returns how long `self` is after `earlier`; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Writes the point as RFC 3339 does, in UTC: `2026-11-24T06:27:56.001Z`. A point outside the years 0 to 9999 is written
    /// as the nearest inside.
    pub fn to_rfc3339(self) -> String {
        let ms = self.0.clamp(FIRST_RFC3339_MS, LAST_RFC3339_MS);
        let (days, of_day) = (ms.div_euclid(MS_OF_DAY), ms.rem_euclid(MS_OF_DAY));
        let (year, month, day) = civil(days);
        let (seconds, ms) = (of_day / 1_000, of_day % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

impl Millis {
    /// Reads a point as RFC 3339 writes it, with `T` or a space between date and time, in UTC or with an offset; what is finer than a
    /// millisecond is cut off. Nothing for another text.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let digits = text.get(range)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let marks = [(4, b"-"), (7, b"-"), (13, b":"), (16, b":")];
        let stands = |at: usize, any: &[u8]| text.as_bytes().get(at).is_some_and(|b| any.contains(b));
        if !marks.iter().all(|(at, mark)| stands(*at, *mark)) || !stands(10, b"Tt ") {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if civil(days(year, month, day)) != (year, month, day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let rest = text.get(19..)?;
        let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        let (fraction, offset) = rest.split_at(if digits > 0 { digits + 1 } else { 0 });
        let ms: i64 = format!("{:0<3}", fraction.trim_start_matches('.')).get(..3)?.parse().ok()?;
        let local = days(year, month, day) * MS_OF_DAY + ((hour * 60 + minute) * 60 + second) * 1_000 + ms;
        Some(Self(local - offset_minutes(offset)? * 60_000))
    }
}

/// Reads `Z`, `+hh:mm` or `-hh:mm`, as minutes: 23 hours and 59 minutes at most, as RFC 3339 has it.
fn offset_minutes(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let is_number = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let number = |part: &str| is_number(part).then(|| part.parse::<i64>().ok())?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let minutes = hours * 60 + minutes;
    match text.as_bytes().first()? {
        b'+' => Some(minutes),
        b'-' => Some(-minutes),
        _ => None,
    }
}

/// Returns how many days a date is after 1970-01-01: what [`civil`] turns back.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

const MS_OF_DAY: i64 = 86_400_000;

/// 0000-01-01T00:00:00.000Z. RFC 3339 has years of four digits.
const FIRST_RFC3339_MS: i64 = -62_167_219_200_000;

/// 9999-12-31T23:59:59.999Z.
const LAST_RFC3339_MS: i64 = 253_402_300_799_999;

/// Returns the year, month and day that are `days` after 1970-01-01 in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year, and in eras of 400 years, which all have 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March: 31, 30, 31, 30, 31, which is 153 days in five.
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_the_future_is_zero_after_now() {
        assert_eq!(Millis(5).since(Millis(9)), Duration::ZERO);
        assert_eq!(Millis(9).since(Millis(5)), Duration::from_millis(4));
    }

    #[test]
    fn the_end_of_time_does_not_wrap() {
        assert_eq!(Millis(i64::MAX).plus(Duration::from_secs(1)), Millis(i64::MAX));
    }

    #[test]
    fn a_point_is_written_in_utc_with_its_milliseconds() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_795_501_676_001, "2026-11-24T06:27:56.001Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ];
        for (ms, expected) in cases {
            assert_eq!(Millis(ms).to_rfc3339(), expected);
        }
    }

    #[test]
    fn a_point_that_was_written_is_read_back_in_every_dialect() {
        for ms in (0..400).map(|n| FIRST_RFC3339_MS + n * 788_888_888_877).chain([0, -1, LAST_RFC3339_MS]) {
            assert_eq!(Millis::from_rfc3339(&Millis(ms).to_rfc3339()), Some(Millis(ms)), "{ms}");
        }
        let cases = [
            ("2026-11-24T06:27:56Z", 1_795_501_676_000),
            ("2026-11-24 06:27:56.1z", 1_795_501_676_100),
            ("2026-11-24T06:27:56.001999+00:00", 1_795_501_676_001),
            ("2026-11-24T08:27:56.001+02:00", 1_795_501_676_001),
            ("2026-11-23T22:57:56.001-07:30", 1_795_501_676_001),
        ];
        for (text, ms) in cases {
            assert_eq!(Millis::from_rfc3339(text), Some(Millis(ms)), "{text}");
        }
        for bad in [
            "",
            "2026-11-24",
            "2026-11-24T06:27:56",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T06:27:56.Z",
            "2026-11-24T06:27:56+0200",
            "+026-11-24T06:27:56Z",
            "2026-11-24T06:27:56+aa:bb",
            "ä026-11-24T06:27:56Z",
        ] {
            assert_eq!(Millis::from_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_offset_that_no_clock_can_have_is_refused() {
        for bad in
            ["+24:00", "-45:30", "+45:30", "+00:60", "+99:99", "+1:00", "+001:00", "++1:00", "+1:+1", "+01:+1", "-:"]
        {
            assert_eq!(Millis::from_rfc3339(&format!("2026-11-24T06:27:56{bad}")), None, "{bad}");
        }
        let end = Millis::from_rfc3339("2026-11-24T23:59:00-23:59").unwrap();
        assert_eq!(end.to_rfc3339(), "2026-11-25T23:58:00.000Z");
    }
}

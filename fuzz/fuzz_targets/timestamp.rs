//! A time as RFC 3339 writes it.
#![no_main]

use holdfast::domain::millis::Millis;
use libfuzzer_sys::fuzz_target;

/// The first and the last time that can be written.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

/// A day, in ms, by which an offset may reach beyond; with a leap second at the end.
const DAY: i64 = 86_401_000;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(at) = Millis::from_rfc3339(text) {
        assert!((FIRST - DAY..=LAST + DAY).contains(&at.0), "{text}: {at}");
        let written = at.to_rfc3339();
        assert!(written.len() == 24 && written.ends_with('Z'), "{text}: {written}");
        let again = Millis::from_rfc3339(&written).expect("what was written is read");
        assert_eq!(again.to_rfc3339(), written, "{text}");
        if (FIRST..=LAST).contains(&at.0) {
            assert_eq!(again, at, "{text}");
        }
    }
    if let Ok(ms) = text.parse() {
        let written = Millis(ms).to_rfc3339();
        assert_eq!(Millis::from_rfc3339(&written).map(Millis::to_rfc3339), Some(written));
    }
});

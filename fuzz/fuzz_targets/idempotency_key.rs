//! The header `Idempotency-Key`.
#![no_main]

use fuzz::parts;
use holdfast::admission::{RequestKey, fingerprint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let [value, path, body] = parts(input);
    if let Ok(key) = RequestKey::parse(value) {
        let text = key.as_str();
        assert!((1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"'), "{text:?}");
        assert!(value.contains(text));
        for form in [text.to_owned(), format!("\"{text}\""), format!(" \"{text}\"\t")] {
            assert_eq!(RequestKey::parse(&form).as_ref(), Ok(&key), "{form:?}");
        }
    }
    // Where one part ends and the next begins counts.
    let whole = fingerprint("POST", path, body.as_bytes());
    assert_eq!(whole.len(), 64);
    assert_ne!(whole, fingerprint("POST", &format!("{path}{body}x"), b""));
    assert_ne!(whole, fingerprint("POST", path, format!("{body} ").as_bytes()));
    assert_ne!(whole, fingerprint("PUT", path, body.as_bytes()));
});

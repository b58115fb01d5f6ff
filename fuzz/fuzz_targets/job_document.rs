//! A job's document as anyone with the store's token may have written it: the first character is the type whose queue it was found in.
#![no_main]

use std::sync::LazyLock;

use fuzz::choice;
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobDocument, JobType};
use holdfast::domain::millis::Millis;
use holdfast::domain::sealed::PayloadKeys;
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<PayloadKeys> =
    LazyLock::new(|| PayloadKeys::parse("k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap());

fn read(text: &str) -> JobDocument {
    JobDocument::read(JobId::parse("job-1").unwrap(), text, Millis(9)).expect("what was written is read")
}

fuzz_target!(|text: &[u8]| {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (place, text) = choice(text);
    let job_type = JobType::ALL[place % JobType::ALL.len()];
    let id = JobId::parse("job-1").unwrap();
    let Ok(document) = JobDocument::parse(id.clone(), job_type, text, Millis(9)) else {
        // It takes the place of what cannot be read, and keeps it.
        let kept = read(&JobDocument::of_unreadable(id, job_type, text, Millis(9)).to_json());
        assert_eq!(kept.unreadable().as_deref(), Some(text));
        return;
    };
    assert_eq!(document.id, id);
    assert!((1..=25).contains(&document.max_attempts));
    let written = document.to_json();
    let again = read(&written);
    assert_eq!(again.to_json(), written);
    assert_eq!(again.payload.get(), document.payload.get());
    let _ = document.read_payload();

    let mut sealed = read(&document.clone().sealed(Some(&KEYS)).to_json());
    if job_type == JobType::AuditLogCreated || document.is_sealed() {
        let _ = sealed.open(Some(&KEYS));
        return;
    }
    assert!(sealed.is_sealed());
    sealed.open(Some(&KEYS)).expect("what was sealed opens");
    assert_eq!(sealed.payload.get(), document.payload.get());
});

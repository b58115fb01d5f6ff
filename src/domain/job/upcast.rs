//! Older payloads, brought to the form that this build reads.
//!
//! A step knows one type and one version, and makes the payload of the next. What is stored stays as it came, with the version it names, so
//! that an older deployment that runs beside this one can still read it. A payload of a newer version is no business of this file: its job is
//! left to the newer deployment.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use super::JobType;

/// Version of the payloads that this build writes. A higher one is left for a newer deployment.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// A payload's fields, each as it stands.
type Fields = BTreeMap<String, Box<RawValue>>;

/// One step: of which types, from which version to the next, and what it does to the fields.
struct Step {
    types: &'static [JobType],
    from: u32,
    apply: fn(&mut Fields),
}

/// All steps. A change of a payload's form raises [`SCHEMA_VERSION`] and adds the step from the version before.
const STEPS: [Step; 1] = [
    // Version 0 are the producers before there were currencies: their amounts are US dollars.
    Step {
        types: &[JobType::SendReleaseEmail, JobType::SendRefundEmail, JobType::SendPaymentConfirmedEmail],
        from: 0,
        apply: |fields| {
            if fields.contains_key("amount") {
                fields.entry("currency".to_owned()).or_insert_with(|| text("usd"));
            }
        },
    },
];

/// Brings a payload of `version` to the form of this build. What is no object is returned as it is: reading it says what is wrong.
pub(super) fn upcast(job_type: JobType, version: u32, payload: &RawValue) -> Box<RawValue> {
    through(&STEPS, SCHEMA_VERSION, (job_type, version), payload)
}

fn through(steps: &[Step], current: u32, (job_type, version): (JobType, u32), payload: &RawValue) -> Box<RawValue> {
    let unchanged = || payload.to_owned();
    if version >= current {
        return unchanged();
    }
    let Ok(mut fields) = serde_json::from_str::<Fields>(payload.get()) else { return unchanged() };
    for version in version..current {
        let is_next = |step: &&Step| step.from == version && step.types.contains(&job_type);
        if let Some(step) = steps.iter().find(is_next) {
            (step.apply)(&mut fields);
        }
    }
    to_raw_value(&fields).unwrap_or_else(|_| unchanged())
}

fn text(value: &str) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn the_oldest_amounts_become_us_dollars_and_nothing_else_changes() {
        let mail = |version, text: &str| upcast(JobType::SendReleaseEmail, version, &raw(text)).get().to_owned();
        assert_eq!(mail(0, r#"{"amount":1.10,"later":[]}"#), r#"{"amount":1.10,"currency":"usd","later":[]}"#);
        assert_eq!(mail(0, r#"{"amount":5,"currency":"eur"}"#), r#"{"amount":5,"currency":"eur"}"#);
        assert_eq!(mail(1, r#"{"amount": 5}"#), r#"{"amount": 5}"#);
        assert_eq!(mail(0, "[1]"), "[1]");
        let audit = upcast(JobType::AuditLogCreated, 0, &raw(r#"{"eventData":{"amount":1}}"#));
        assert_eq!(audit.get(), r#"{"eventData":{"amount":1}}"#);
    }

    #[test]
    fn an_old_payload_goes_through_every_step_between() {
        const ANY: &[JobType] = &[JobType::AuditLogCreated];
        let step = |from, apply| Step { types: ANY, from, apply };
        let steps = [
            step(2, |fields| {
                let old = fields.remove("b").unwrap();
                fields.insert("c".to_owned(), old);
            }),
            step(0, |fields| {
                let old = fields.remove("a").unwrap();
                fields.insert("b".to_owned(), old);
            }),
        ];
        let from = |version, text| through(&steps, 3, (JobType::AuditLogCreated, version), &raw(text)).get().to_owned();
        assert_eq!(from(0, r#"{"a":1e400}"#), r#"{"c":1e400}"#);
        assert_eq!(from(1, r#"{"b":1}"#), r#"{"c":1}"#);
        assert_eq!(from(3, r#"{"c":1}"#), r#"{"c":1}"#);
        assert_eq!(from(4, r#"{"d":1}"#), r#"{"d":1}"#);
    }

    #[test]
    fn every_version_below_this_one_has_a_step_and_no_step_is_beyond_it() {
        for version in 0..SCHEMA_VERSION {
            assert!(STEPS.iter().any(|step| step.from == version), "no step from {version}");
        }
        assert!(STEPS.iter().all(|step| step.from < SCHEMA_VERSION));
    }
}

//! Each mail with sample data, for people who look at them and tests that compare them.

use super::{letter_of, render};
use crate::config::Brand;
use crate::domain::job::{JobType, Payload};

/// A mail as it would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What it is about, in one word: the name of its sample.
    pub name: &'static str,
    /// The type of job it is of.
    pub job_type: JobType,
    /// Its subject.
    pub subject: String,
    /// Its HTML.
    pub html: String,
    /// Its text.
    pub text: String,
}

/// The samples: each of the five mails, the last in its three forms, and one without what a payload may lack.
const SAMPLES: [(&str, JobType, &str); 8] = [
    (
        "payment-confirmed",
        JobType::SendPaymentConfirmedEmail,
        r#"{"transactionId":"esc_7h2k9q4m1x8v5n3w6z0t","recipientEmail":"buyer@example.com","amount":123450,"currency":"usd"}"#,
    ),
    (
        "release",
        JobType::SendReleaseEmail,
        r#"{"transactionId":"esc_7h2k9q4m1x8v5n3w6z0t","recipientEmail":"seller@example.com","amount":123450,"currency":"eur"}"#,
    ),
    (
        "refund",
        JobType::SendRefundEmail,
        r#"{"transactionId":"esc_7h2k9q4m1x8v5n3w6z0t","recipientEmail":"buyer@example.com","amount":9800,"currency":"jpy","reason":"The parcel never arrived & the seller agreed."}"#,
    ),
    (
        "refund-without-reason",
        JobType::SendRefundEmail,
        r#"{"transactionId":"esc_7h2k9q4m1x8v5n3w6z0t","recipientEmail":"buyer@example.com"}"#,
    ),
    (
        "dispute",
        JobType::SendDisputeEmail,
        r#"{"transactionId":"esc_7h2k9q4m1x8v5n3w6z0t","recipientEmail":"seller@example.com","reason":"The lamp is broken."}"#,
    ),
    (
        "resolved-release",
        JobType::NotifyDisputeResolved,
        r#"{"escrowId":"esc_7h2k9q4m1x8v5n3w6z0t","resolution":"release","recipients":["buyer@example.com","seller@example.com"]}"#,
    ),
    (
        "resolved-refund",
        JobType::NotifyDisputeResolved,
        r#"{"escrowId":"esc_7h2k9q4m1x8v5n3w6z0t","resolution":"refund","recipients":["buyer@example.com","seller@example.com"]}"#,
    ),
    (
        "resolved-split",
        JobType::NotifyDisputeResolved,
        r#"{"escrowId":"esc_7h2k9q4m1x8v5n3w6z0t","resolution":"split","recipients":["buyer@example.com","seller@example.com"]}"#,
    ),
];

/// Writes each mail with sample data, signed as `brand`.
pub fn previews(brand: &Brand) -> Vec<Preview> {
    let preview = |(name, job_type, payload): (&'static str, JobType, &str)| {
        let payload = serde_json::from_str(payload).ok()?;
        let letter = letter_of(&Payload::parse(job_type, payload).ok()?)?;
        let (html, text) = (render::html(&letter, brand), render::text(&letter, brand));
        Some(Preview { name, job_type, subject: letter.subject, html, text })
    };
    SAMPLES.into_iter().filter_map(preview).collect()
}

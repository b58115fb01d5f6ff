//! The nine types of job. A type is a queue: `queue:{type}`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::backoff::Backoff;

/// A type of job. The names are the seed's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "&str", into = "&'static str")]
pub enum JobType {
    /// Tells the seller that a payment was released.
    SendReleaseEmail,
    /// Tells the buyer that a payment was refunded.
    SendRefundEmail,
    /// Tells a party that a dispute was opened.
    SendDisputeEmail,
    /// Tells the buyer that a payment is held.
    SendPaymentConfirmedEmail,
    /// Captures a payment that a release did not see captured.
    StripeCapturePayment,
    /// Refunds a payment that a refund did not see refunded.
    StripeRefundPayment,
    /// Tells the partner's server that an escrow changed.
    WebhookEscrowStatusChanged,
    /// Tells both parties how a dispute ended.
    NotifyDisputeResolved,
    /// Writes one record into the audit log.
    AuditLogCreated,
}

/// A text that names no type of job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("job type {found:?} is not one of {}", JobType::ALL.map(JobType::as_str).join(", "))]
pub struct UnknownJobType {
    /// The text, cut to 64 characters.
    pub found: String,
}

impl JobType {
    /// All types, in the order in which they take turns.
    pub const ALL: [Self; 9] = [
        Self::SendReleaseEmail,
        Self::SendRefundEmail,
        Self::SendDisputeEmail,
        Self::SendPaymentConfirmedEmail,
        Self::StripeCapturePayment,
        Self::StripeRefundPayment,
        Self::WebhookEscrowStatusChanged,
        Self::NotifyDisputeResolved,
        Self::AuditLogCreated,
    ];

    /// Returns the name, as in keys, documents and requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendReleaseEmail => "send_release_email",
            Self::SendRefundEmail => "send_refund_email",
            Self::SendDisputeEmail => "send_dispute_email",
            Self::SendPaymentConfirmedEmail => "send_payment_confirmed_email",
            Self::StripeCapturePayment => "stripe_capture_payment",
            Self::StripeRefundPayment => "stripe_refund_payment",
            Self::WebhookEscrowStatusChanged => "webhook_escrow_status_changed",
            Self::NotifyDisputeResolved => "notify_dispute_resolved",
            Self::AuditLogCreated => "audit_log_created",
        }
    }

    /// Returns when a failed job of the type is tried again.
    pub const fn backoff(self) -> Backoff {
        match self {
            Self::WebhookEscrowStatusChanged => Backoff::StandardWebhooks,
            _ => Backoff::Doubling,
        }
    }

    /// Returns how many attempts a job of the type gets where it names no number: the seed's three; for webhooks one for
    /// each step of the Standard Webhooks schedule.
    pub const fn default_max_attempts(self) -> u32 {
        match self {
            Self::WebhookEscrowStatusChanged => 10,
            _ => crate::domain::limits::DEFAULT_MAX_ATTEMPTS,
        }
    }
}

impl FromStr for JobType {
    type Err = UnknownJobType;

    fn from_str(text: &str) -> Result<Self, UnknownJobType> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| UnknownJobType { found: text.chars().take(64).collect() })
    }
}

impl TryFrom<&str> for JobType {
    type Error = UnknownJobType;

    fn try_from(text: &str) -> Result<Self, UnknownJobType> {
        text.parse()
    }
}

impl From<JobType> for &'static str {
    fn from(job_type: JobType) -> Self {
        job_type.as_str()
    }
}

impl fmt::Display for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_type() {
        for job_type in JobType::ALL {
            assert_eq!(job_type.as_str().parse(), Ok(job_type));
        }
    }

    #[test]
    fn an_unknown_type_is_told_what_was_expected() {
        let message = "send_email".parse::<JobType>().unwrap_err().to_string();
        assert!(message.starts_with("job type \"send_email\" is not one of send_release_email, "), "{message}");
    }
}

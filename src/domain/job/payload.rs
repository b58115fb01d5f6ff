//! What each type of job is about: one variant a type. The names of the fields are the seed's.
//!
//! A payload is read to check it and to act on it. What is stored and sent on is always the text as it came, so that
//! unknown fields, large integers and empty arrays survive.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::JobType;
use super::object::object;
use crate::domain::email_address::EmailAddress;
use crate::domain::id::{EndpointId, JobId, PartnerId};
use crate::domain::millis::Millis;
use crate::domain::money::{Currency, Money};

/// The facts a worker needs, by type.
#[derive(Clone, Debug)]
pub enum Payload {
    /// `send_release_email`
    SendReleaseEmail(EmailPayment),
    /// `send_refund_email`
    SendRefundEmail(EmailRefund),
    /// `send_dispute_email`
    SendDisputeEmail(EmailDispute),
    /// `send_payment_confirmed_email`
    SendPaymentConfirmedEmail(EmailPayment),
    /// `stripe_capture_payment`
    StripeCapturePayment(StripeCapture),
    /// `stripe_refund_payment`
    StripeRefundPayment(StripeRefund),
    /// `webhook_escrow_status_changed`
    WebhookEscrowStatusChanged(EscrowStatusChanged),
    /// `notify_dispute_resolved`
    NotifyDisputeResolved(DisputeResolved),
    /// `audit_log_created`
    AuditLogCreated(AuditLogCreated),
}

/// A payload that is not what its type needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("payload of {job_type}: {reason}")]
pub struct PayloadError {
    /// The type whose payload it should be.
    pub job_type: JobType,
    /// What is wrong with it.
    pub reason: String,
}

/// A mail about a payment: released or confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailPayment {
    /// The escrow's id, as the partner knows it.
    pub transaction_id: String,
    /// Who gets the mail.
    pub recipient_email: EmailAddress,
    /// Minor units. Absent in jobs of the oldest producers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Absent in jobs of the oldest producers, who only had US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

/// A mail about a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailRefund {
    /// The escrow's id, as the partner knows it.
    pub transaction_id: String,
    /// Who gets the mail.
    pub recipient_email: EmailAddress,
    /// Why it was refunded, for the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// The amount's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

/// A mail about a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailDispute {
    /// The escrow's id, as the partner knows it.
    pub transaction_id: String,
    /// Who gets the mail.
    pub recipient_email: EmailAddress,
    /// What the dispute is about, for the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Mails to both parties of a dispute that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisputeResolved {
    /// The escrow.
    pub escrow_id: String,
    /// How the dispute ended.
    pub resolution: Resolution,
    /// Who gets a mail: one to ten addresses.
    pub recipients: Vec<EmailAddress>,
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// All of it went to the seller.
    Release,
    /// All of it went back to the buyer.
    Refund,
    /// A part went to each.
    Split,
}

/// A capture to make sure of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StripeCapture {
    /// Stripe's id, `pi_...`.
    pub payment_intent_id: String,
    /// The escrow it belongs to. The seed's producers did not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escrow_id: Option<String>,
    /// Minor units to capture; all of it where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// The idempotency key the release used at Stripe, so that both are one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// A refund to make sure of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StripeRefund {
    /// Stripe's id, `pi_...`.
    pub payment_intent_id: String,
    /// The escrow it belongs to. The seed's producers did not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escrow_id: Option<String>,
    /// Minor units to refund; what is left where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The idempotency key the refund used at Stripe, so that both are one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// A change of an escrow's state, for the partner's server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EscrowStatusChanged {
    /// The escrow.
    pub escrow_id: String,
    /// Its state before.
    pub status_before: String,
    /// Its state after.
    pub status_after: String,
    /// When it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Millis>,
    /// The event's name, where it is not a change of status: `escrow.authorization_expiring`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Whose escrow it is: the partner's endpoints are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    /// The one endpoint that this job tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointId>,
    /// The webhook's id, where it is another job's that is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<JobId>,
}

/// A record for the audit log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditLogCreated {
    /// What happened: an object, stored as it came.
    pub event_data: Box<RawValue>,
}

/// Says nothing of what happened: another producer may have put anything into it.
impl fmt::Debug for AuditLogCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLogCreated").finish_non_exhaustive()
    }
}

/// Most recipients of one notice. Chosen: a dispute has two parties; a few more may watch.
const MAX_RECIPIENTS: usize = 10;

impl Payload {
    /// Reads the payload of a job of `job_type`. Unknown fields are passed over.
    pub fn parse(job_type: JobType, text: &RawValue) -> Result<Self, PayloadError> {
        let payload = Self::read(job_type, text.get()).map_err(|reason| PayloadError { job_type, reason })?;
        payload.check().map_err(|reason| PayloadError { job_type, reason })?;
        Ok(payload)
    }

    fn read(job_type: JobType, text: &str) -> Result<Self, String> {
        Ok(match job_type {
            JobType::SendReleaseEmail => Self::SendReleaseEmail(object(text)?),
            JobType::SendRefundEmail => Self::SendRefundEmail(object(text)?),
            JobType::SendDisputeEmail => Self::SendDisputeEmail(object(text)?),
            JobType::SendPaymentConfirmedEmail => Self::SendPaymentConfirmedEmail(object(text)?),
            JobType::StripeCapturePayment => Self::StripeCapturePayment(object(text)?),
            JobType::StripeRefundPayment => Self::StripeRefundPayment(object(text)?),
            JobType::WebhookEscrowStatusChanged => Self::WebhookEscrowStatusChanged(object(text)?),
            JobType::NotifyDisputeResolved => Self::NotifyDisputeResolved(object(text)?),
            JobType::AuditLogCreated => Self::AuditLogCreated(object(text)?),
        })
    }

    /// Checks what the types alone do not say.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::SendReleaseEmail(mail) | Self::SendPaymentConfirmedEmail(mail) => check_amount(mail.amount, 0),
            Self::SendRefundEmail(mail) => check_amount(mail.amount, 0),
            Self::StripeCapturePayment(capture) => {
                check_intent(&capture.payment_intent_id)?;
                check_amount(capture.amount, 1)
            }
            Self::StripeRefundPayment(refund) => {
                check_intent(&refund.payment_intent_id)?;
                check_amount(refund.amount, 1)
            }
            Self::NotifyDisputeResolved(notice) if !(1..=MAX_RECIPIENTS).contains(&notice.recipients.len()) => {
                Err(format!("recipients has {} addresses, expected 1 to {MAX_RECIPIENTS}", notice.recipients.len()))
            }
            Self::AuditLogCreated(audit) if !audit.event_data.get().starts_with('{') => {
                Err("eventData is not an object".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Checks what a new job's payload must be besides. What is stored already is worked off as far as it goes.
    pub(super) fn check_new(&self, job_type: JobType) -> Result<(), PayloadError> {
        let wrong = |reason: String| Err(PayloadError { job_type, reason });
        let (id, currency) = match self {
            Self::SendReleaseEmail(mail) | Self::SendPaymentConfirmedEmail(mail) => ("transactionId", mail.currency),
            Self::SendRefundEmail(mail) => ("transactionId", mail.currency),
            Self::SendDisputeEmail(_) => ("transactionId", None),
            _ => ("escrowId", None),
        };
        if self.subject().is_some_and(str::is_empty) {
            return wrong(format!("{id} is empty"));
        }
        match currency.filter(|currency| !currency.is_listed()) {
            Some(currency) => wrong(format!("currency {:?} is not one of ISO 4217's", currency.as_str())),
            None => Ok(()),
        }
    }

    /// Returns whom the job writes to; nobody for one that is about no mail.
    pub fn recipients(&self) -> &[EmailAddress] {
        use std::slice::from_ref;
        match self {
            Self::SendReleaseEmail(mail) | Self::SendPaymentConfirmedEmail(mail) => from_ref(&mail.recipient_email),
            Self::SendRefundEmail(mail) => from_ref(&mail.recipient_email),
            Self::SendDisputeEmail(mail) => from_ref(&mail.recipient_email),
            Self::NotifyDisputeResolved(notice) => &notice.recipients,
            _ => &[],
        }
    }

    /// Returns what the job is about, for log lines: the escrow or the payment intent.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::SendReleaseEmail(mail) | Self::SendPaymentConfirmedEmail(mail) => Some(&mail.transaction_id),
            Self::SendRefundEmail(mail) => Some(&mail.transaction_id),
            Self::SendDisputeEmail(mail) => Some(&mail.transaction_id),
            Self::StripeCapturePayment(capture) => capture.escrow_id.as_deref().or(Some(&capture.payment_intent_id)),
            Self::StripeRefundPayment(refund) => refund.escrow_id.as_deref().or(Some(&refund.payment_intent_id)),
            Self::WebhookEscrowStatusChanged(change) => Some(&change.escrow_id),
            Self::NotifyDisputeResolved(notice) => Some(&notice.escrow_id),
            Self::AuditLogCreated(_) => None,
        }
    }
}

fn check_amount(amount: Option<i64>, least: i64) -> Result<(), String> {
    let most = crate::domain::money::MAX_MINOR_UNITS;
    match amount {
        Some(amount) if !(least..=most).contains(&amount) => {
            Err(format!("amount {amount} is outside {least} to {most} minor units"))
        }
        _ => Ok(()),
    }
}

/// An intent's id becomes part of a URL's path, so it must be nothing but an id.
fn check_intent(id: &str) -> Result<(), String> {
    let tail = id.strip_prefix("pi_").unwrap_or_default();
    if (1..=200).contains(&tail.len()) && tail.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    Err("paymentIntentId is not of the form pi_ and letters, digits or '_'".to_owned())
}

impl EscrowStatusChanged {
    /// Returns the event's name.
    pub fn event_name(&self) -> &str {
        self.event.as_deref().unwrap_or(crate::domain::endpoint::STATUS_CHANGED)
    }
}

impl EmailPayment {
    /// Returns the amount with its currency, where the payload names one; a currency not named is the seed's US dollar.
    pub fn money(&self) -> Option<Money> {
        money(self.amount, self.currency)
    }
}

impl EmailRefund {
    /// Returns the amount with its currency, where the payload names one; a currency not named is the seed's US dollar.
    pub fn money(&self) -> Option<Money> {
        money(self.amount, self.currency)
    }
}

fn money(amount: Option<i64>, currency: Option<Currency>) -> Option<Money> {
    let currency = currency.or_else(|| Currency::parse("usd").ok())?;
    Money::new(amount?, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(job_type: JobType, text: &str) -> Result<Payload, String> {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        Payload::parse(job_type, &raw).map_err(|error| error.to_string())
    }

    #[test]
    fn the_seeds_example_is_read() {
        let text = r#"{"transactionId":"esc-123","recipientEmail":"user@example.com","amount":10000,"later":[]}"#;
        let Ok(Payload::SendReleaseEmail(mail)) = parse(JobType::SendReleaseEmail, text) else { panic!("not read") };
        assert_eq!(mail.money().unwrap().to_string(), "100.00 USD");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_without_repeating_it() {
        let cases = [
            (JobType::SendReleaseEmail, "{}", "missing field `transactionId`"),
            (JobType::SendReleaseEmail, "[]", "it is not an object"),
            (JobType::SendReleaseEmail, r#"["e","a@b",1,"usd"]"#, "it is not an object"),
            (JobType::SendReleaseEmail, "null", "it is not an object"),
            (
                JobType::NotifyDisputeResolved,
                r#"{"escrowId":"e","resolution":"release","recipients":{}}"#,
                "recipients: invalid type: map, expected a list",
            ),
            (
                JobType::SendReleaseEmail,
                r#"{"transactionId":"e","recipientEmail":"a@b","amount":1.5}"#,
                "amount: invalid type: floating point `1.5`, expected a whole number",
            ),
            (
                JobType::SendReleaseEmail,
                r#"{"transactionId":"e","recipientEmail":"a@b","amount":"secret"}"#,
                "amount: invalid type: string, expected a whole number",
            ),
            (
                JobType::SendReleaseEmail,
                r#"{"transactionId":"e","recipientEmail":"a@b","amount":-1}"#,
                "amount -1 is outside 0 to 9007199254740991 minor units",
            ),
            (
                JobType::StripeCapturePayment,
                r#"{"paymentIntentId":"pi_1/../x"}"#,
                "paymentIntentId is not of the form pi_ and letters, digits or '_'",
            ),
            (
                JobType::NotifyDisputeResolved,
                r#"{"escrowId":"e","resolution":"release","recipients":[]}"#,
                "recipients has 0 addresses, expected 1 to 10",
            ),
            (
                JobType::NotifyDisputeResolved,
                r#"{"escrowId":"e","resolution":"burn","recipients":[]}"#,
                "resolution: unknown variant `burn`, expected one of `release`, `refund`, `split`",
            ),
            (JobType::AuditLogCreated, r#"{"eventData":"text"}"#, "eventData is not an object"),
        ];
        for (job_type, text, expected) in cases {
            assert_eq!(parse(job_type, text).unwrap_err(), format!("payload of {job_type}: {expected}"));
        }
    }
}

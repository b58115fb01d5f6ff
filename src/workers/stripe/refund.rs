//! A refund: gives money back, whether Stripe only holds it or has taken it.
//!
//! Held money goes back by cancelling the intent, taken money by a refund. Each refund carries its idempotency key in its
//! metadata, so that it is found again after Stripe has forgotten the key.

use std::collections::HashMap;

use serde_json::value::RawValue;
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::refund::{CreateRefund, CreateRefundReason};

use crate::domain::id::JobId;
use crate::domain::job::StripeRefund;
use crate::domain::outcome::{Failure, FailureKind};
use crate::stripe::{self, ESCROW_ID, IDEMPOTENCY_KEY, Intent, IntentStatus, Refund, Stripe, StripeError};

/// Longest value in metadata, in characters. Stripe's documentation, "Metadata", November 2026.
const MAX_METADATA_CHARS: usize = 500;

/// What is left to do for a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: the money is back or on its way.
    Done,
    /// Stripe only holds the money: let it go.
    Cancel,
    /// Stripe has taken the money: send it back.
    Refund,
}

/// Makes sure of a refund.
pub(super) async fn run(stripe: &Stripe, job_id: &JobId, wanted: &StripeRefund) -> Result<(), Failure> {
    let key = key(job_id, wanted);
    let Err(failure) = attempt(stripe, &key, wanted).await else {
        return Ok(());
    };
    if failure.kind != FailureKind::Rejected {
        return Err(failure);
    }
    // The request this falls back for may have refunded since the first look.
    match missing(stripe, &key, wanted).await {
        Ok(Step::Done) => Ok(()),
        _ => Err(failure),
    }
}

async fn attempt(stripe: &Stripe, key: &str, wanted: &StripeRefund) -> Result<(), Failure> {
    let done: Result<Box<RawValue>, StripeError> = match missing(stripe, key, wanted).await? {
        Step::Done => return Ok(()),
        // Under a key of its own: what Stripe keeps of it must not stand in a refund's way where the money is captured meanwhile. Let go
        // twice, the money is let go once.
        Step::Cancel => stripe.act(stripe::cancel(&wanted.payment_intent_id), &format!("{key}:cancel")).await,
        Step::Refund => stripe.act(create(wanted, key), key).await,
    };
    done.map(drop).map_err(Failure::from)
}

/// Looks at the intent, and through its refunds where it has any.
async fn missing(stripe: &Stripe, key: &str, wanted: &StripeRefund) -> Result<Step, Failure> {
    let intent = Intent::read(stripe, &wanted.payment_intent_id).await?;
    if intent.status == IntentStatus::Succeeded
        && let Some(refund) = find(stripe, &wanted.payment_intent_id, key).await?
    {
        return earlier(&refund);
    }
    next(&intent, wanted.amount)
}

/// Finds the refund that was made under `key`.
async fn find(stripe: &Stripe, intent: &str, key: &str) -> Result<Option<Refund>, Failure> {
    let ours = |refund: Refund| {
        let ours = refund.metadata.as_ref()?.get(IDEMPOTENCY_KEY)? == key;
        ours.then_some(refund)
    };
    Refund::find(stripe, intent, ours).await
}

/// Judges a refund that was made before.
fn earlier(refund: &Refund) -> Result<Step, Failure> {
    match refund.status.as_deref() {
        Some("failed" | "canceled") => {
            Err(Failure::new(FailureKind::Rejected, "the refund was made and then failed at the customer's bank"))
        }
        _ => Ok(Step::Done),
    }
}

/// Decides by what Stripe holds and has taken.
fn next(intent: &Intent, amount: Option<i64>) -> Result<Step, Failure> {
    let rejected = |message: String| Err(Failure::new(FailureKind::Rejected, message));
    if let Some(failure) = intent.status.hindrance() {
        return Err(failure);
    }
    let (held, remaining) = (intent.amount_capturable, intent.refundable());
    match (intent.status, amount) {
        (IntentStatus::Canceled, _) => Ok(Step::Done),
        (IntentStatus::Succeeded, None) if remaining == 0 => Ok(Step::Done),
        (IntentStatus::Succeeded, Some(amount)) if amount > remaining => {
            rejected(format!("{remaining} minor units are left to refund, {amount} were asked for"))
        }
        (IntentStatus::Succeeded, _) => Ok(Step::Refund),
        (_, Some(amount)) if amount != held => rejected(format!(
            "{held} minor units are held and not captured, a refund of {amount} was asked for: only all of it can go back"
        )),
        _ => Ok(Step::Cancel),
    }
}

/// Makes the request for a refund: of the payload alone, so that whoever else sends it under the key sends the same. One without an amount
/// is of all that is left when it comes to Stripe: what is left now may be another amount at the next try.
fn create(wanted: &StripeRefund, key: &str) -> RequestBuilder {
    let text = |value: &str| value.chars().take(MAX_METADATA_CHARS).collect::<String>();
    let mut metadata = HashMap::from([(IDEMPOTENCY_KEY.to_owned(), text(key))]);
    if let Some(escrow_id) = &wanted.escrow_id {
        metadata.insert(ESCROW_ID.to_owned(), text(escrow_id));
    }
    let mut refund = CreateRefund::new().payment_intent(wanted.payment_intent_id.as_str());
    if let Some(amount) = wanted.amount {
        refund = refund.amount(amount);
    }
    match wanted.reason.as_deref() {
        Some("duplicate") => refund = refund.reason(CreateRefundReason::Duplicate),
        Some("fraudulent") => refund = refund.reason(CreateRefundReason::Fraudulent),
        Some("requested_by_customer") => refund = refund.reason(CreateRefundReason::RequestedByCustomer),
        // Stripe takes three reasons; any other is ours to keep.
        Some(other) if !other.is_empty() => {
            metadata.insert("reason".to_owned(), text(other));
        }
        _ => {}
    }
    refund.metadata(metadata).build()
}

/// Returns the key of the refund that this makes sure of, or the job's own: a payment may be refunded in several parts.
fn key(job_id: &JobId, wanted: &StripeRefund) -> String {
    match &wanted.idempotency_key {
        Some(key) => key.clone(),
        None => format!("{job_id}:refund"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(amount: Option<i64>, reason: &str) -> StripeRefund {
        StripeRefund {
            payment_intent_id: "pi_1".into(),
            escrow_id: Some("esc_1".into()),
            amount,
            reason: Some(reason.into()),
            idempotency_key: None,
        }
    }

    fn decide(json: &str, amount: Option<i64>) -> Result<Step, String> {
        let intent = Intent::of(json);
        next(&intent, amount).map_err(|failure| {
            assert!(!failure.kind.is_retryable(), "{failure}");
            failure.message
        })
    }

    const HELD: &str = r#"{"status":"requires_capture","amount_capturable":1000}"#;
    const TAKEN: &str =
        r#"{"status":"succeeded","amount_received":1000,"latest_charge":{"amount":1000,"amount_refunded":400}}"#;

    #[test]
    fn held_money_is_let_go_and_taken_money_is_sent_back() {
        assert_eq!(decide(HELD, None), Ok(Step::Cancel));
        assert_eq!(decide(HELD, Some(1_000)), Ok(Step::Cancel));
        assert_eq!(decide(TAKEN, None), Ok(Step::Refund));
        assert_eq!(decide(TAKEN, Some(100)), Ok(Step::Refund));
        assert_eq!(decide(r#"{"status":"canceled"}"#, Some(5)), Ok(Step::Done));
        let all = r#"{"status":"succeeded","amount_received":10,"latest_charge":{"amount":10,"amount_refunded":10}}"#;
        assert_eq!(decide(all, None), Ok(Step::Done));
    }

    #[test]
    fn more_than_there_is_never_goes_back() {
        assert_eq!(decide(TAKEN, Some(601)).unwrap_err(), "600 minor units are left to refund, 601 were asked for");
        assert_eq!(
            decide(HELD, Some(300)).unwrap_err(),
            "1000 minor units are held and not captured, a refund of 300 was asked for: only all of it can go back"
        );
        assert!(decide(r#"{"status":"requires_payment_method"}"#, None).is_err());
    }

    #[test]
    fn an_earlier_refund_is_the_answer_unless_it_failed() {
        let refund = |status: &str| Refund {
            id: "re_1".into(),
            amount: 1,
            status: Some(status.into()),
            payment_intent: None,
            metadata: None,
        };
        for status in ["succeeded", "pending", "requires_action"] {
            assert_eq!(earlier(&refund(status)), Ok(Step::Done), "{status}");
        }
        assert_eq!(earlier(&refund("failed")).unwrap_err().kind, FailureKind::Rejected);
    }

    fn fields(built: RequestBuilder) -> Vec<String> {
        let mut fields: Vec<String> = built.body.unwrap().split('&').map(str::to_owned).collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn a_refund_carries_its_key_and_a_reason_in_stripes_words_or_ours() {
        let built = create(&wanted(Some(100), "duplicate"), "k");
        assert_eq!(built.path, "/refunds");
        assert_eq!(
            fields(built),
            [
                "amount=100",
                "metadata[escrow_id]=esc_1",
                "metadata[idempotency_key]=k",
                "payment_intent=pi_1",
                "reason=duplicate"
            ]
        );
        assert_eq!(
            fields(create(&wanted(None, "Never arrived & lost"), "k")),
            [
                "metadata[escrow_id]=esc_1",
                "metadata[idempotency_key]=k",
                "metadata[reason]=Never+arrived+%26+lost",
                "payment_intent=pi_1"
            ]
        );
    }

    #[test]
    fn two_parts_of_one_payment_have_keys_of_their_own() {
        let key = |id: &str| key(&JobId::parse(id).unwrap(), &wanted(Some(1), ""));
        assert_eq!(key("job-1"), "job-1:refund");
        assert_ne!(key("job-1"), key("job-2"));
    }
}

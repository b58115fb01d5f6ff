//! A capture: takes money that Stripe holds.

use serde_json::value::RawValue;
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::payment_intent::CapturePaymentIntent;

use crate::domain::job::StripeCapture;
use crate::domain::outcome::{Failure, FailureKind};
use crate::stripe::{Intent, IntentStatus, Stripe};

/// What is left to do for a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: it happened.
    Done,
    /// Stripe still holds the money.
    Capture,
}

/// Makes sure of a capture.
pub(super) async fn run(stripe: &Stripe, wanted: &StripeCapture) -> Result<(), Failure> {
    let intent = Intent::read(stripe, &wanted.payment_intent_id).await?;
    if next(&intent, wanted.amount)? == Step::Done {
        return Ok(());
    }
    let captured = stripe.act(request(wanted), &key(wanted)).await;
    let Err(failure) = captured.map(|_: Box<RawValue>| ()).map_err(Failure::from) else {
        return Ok(());
    };
    if failure.kind != FailureKind::Rejected {
        return Err(failure);
    }
    // The request this falls back for may have captured since the first look.
    let intent = Intent::read(stripe, &wanted.payment_intent_id).await?;
    match next(&intent, wanted.amount) {
        Ok(Step::Done) => Ok(()),
        _ => Err(failure),
    }
}

/// Decides by what Stripe holds.
fn next(intent: &Intent, amount: Option<i64>) -> Result<Step, Failure> {
    let rejected = |message: String| Err(Failure::new(FailureKind::Rejected, message));
    if let Some(failure) = intent.status.hindrance() {
        return Err(failure);
    }
    let (held, taken) = (intent.amount_capturable, intent.amount_received);
    match (intent.status, amount) {
        (IntentStatus::Succeeded, Some(amount)) if amount > taken => {
            rejected(format!("{taken} minor units were captured and the rest released, {amount} were asked for"))
        }
        (IntentStatus::Succeeded, _) => Ok(Step::Done),
        (IntentStatus::Canceled, _) => rejected("the payment intent was canceled: there is nothing to capture".into()),
        (_, Some(amount)) if amount > held => {
            rejected(format!("{held} minor units are held, a capture of {amount} was asked for"))
        }
        _ => Ok(Step::Capture),
    }
}

fn request(wanted: &StripeCapture) -> RequestBuilder {
    let capture = CapturePaymentIntent::new(wanted.payment_intent_id.as_str());
    match wanted.amount {
        Some(amount) => capture.amount_to_capture(amount).build(),
        None => capture.build(),
    }
}

/// Returns the key of the release that this makes sure of, or one of the intent's own: an intent is captured once.
fn key(wanted: &StripeCapture) -> String {
    match &wanted.idempotency_key {
        Some(key) => key.clone(),
        None => format!("{}:capture", wanted.payment_intent_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(json: &str) -> Intent {
        Intent::of(json)
    }

    #[test]
    fn what_stripe_holds_decides_what_is_left_to_do() {
        let held = intent(r#"{"id":"pi_1","status":"requires_capture","amount_capturable":1000,"amount_received":0}"#);
        let taken = intent(r#"{"status":"succeeded","amount_capturable":0,"amount_received":700}"#);
        assert_eq!(next(&held, None), Ok(Step::Capture));
        assert_eq!(next(&held, Some(1_000)), Ok(Step::Capture));
        assert_eq!(next(&taken, None), Ok(Step::Done));
        assert_eq!(next(&taken, Some(700)), Ok(Step::Done));
        assert_eq!(next(&taken, Some(600)), Ok(Step::Done));
    }

    #[test]
    fn a_capture_that_can_never_happen_is_final_and_says_why() {
        let cases = [
            (
                r#"{"status":"requires_capture","amount_capturable":1000}"#,
                "1000 minor units are held, a capture of 1001 was asked for",
            ),
            (
                r#"{"status":"succeeded","amount_received":700}"#,
                "700 minor units were captured and the rest released, 1001 were asked for",
            ),
            (r#"{"status":"canceled"}"#, "the payment intent was canceled: there is nothing to capture"),
            (r#"{"status":"requires_action"}"#, "the payment intent holds no money: it was never authorised"),
            (r#"{"status":"from_the_future"}"#, "the payment intent is in a state this version does not know"),
        ];
        for (json, expected) in cases {
            let failure = next(&intent(json), Some(1_001)).unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Rejected, expected));
        }
    }

    #[test]
    fn an_intent_still_in_process_is_looked_at_again() {
        assert!(next(&intent(r#"{"status":"processing"}"#), None).unwrap_err().kind.is_retryable());
    }

    #[test]
    fn the_request_names_the_intent_and_the_amount() {
        let wanted = StripeCapture {
            payment_intent_id: "pi_1".into(),
            escrow_id: Some("esc_1".into()),
            amount: Some(500),
            idempotency_key: None,
        };
        let built = request(&wanted);
        assert_eq!(built.path, "/payment_intents/pi_1/capture");
        assert_eq!(built.body.as_deref(), Some("amount_to_capture=500"));
        assert_eq!(key(&wanted), "pi_1:capture");
        let theirs = StripeCapture { idempotency_key: Some("esc_1:release:3".into()), ..wanted };
        assert_eq!(key(&theirs), "esc_1:release:3");
    }
}

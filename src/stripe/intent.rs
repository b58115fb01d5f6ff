//! A payment intent and its refunds, as far as a capture or a refund depends on them.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::payment_intent::RetrievePaymentIntent;

use super::client::{Stripe, StripeError};
use crate::domain::escrow::ClientSecret;
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};

/// A payment intent. Amounts are in minor units. One without them is none: an amount that is not told is not an amount of nothing.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Intent {
    #[serde(default)]
    pub(crate) id: String,
    pub(crate) status: IntentStatus,
    pub(crate) amount_capturable: i64,
    pub(crate) amount_received: i64,
    #[serde(default)]
    pub(crate) latest_charge: Option<Charge>,
    #[serde(default)]
    pub(crate) client_secret: Option<ClientSecret>,
    #[serde(default)]
    pub(crate) cancellation_reason: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Option<HashMap<String, String>>,
    #[serde(default)]
    pub(crate) last_payment_error: Option<PaymentError>,
}

/// Why the last attempt to pay failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct PaymentError {
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) decline_code: Option<String>,
}

/// Where a payment intent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
    #[serde(other)]
    Unknown,
}

/// The charge of an intent, or its id where Stripe did not expand it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Charge {
    Expanded {
        #[serde(default)]
        id: Option<String>,
        amount_refunded: i64,
        #[serde(default)]
        payment_method_details: Option<MethodDetails>,
    },
    Id(String),
    Unknown(IgnoredAny),
}

/// How a charge was paid.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct MethodDetails {
    #[serde(default)]
    card: Option<CardDetails>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct CardDetails {
    #[serde(default)]
    capture_before: Option<i64>,
}

impl Charge {
    /// Returns the charge's id.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Expanded { id, .. } => id.as_deref(),
            Self::Id(id) => Some(id),
            Self::Unknown(_) => None,
        }
    }

    /// Returns when the authorisation ends, where the whole charge is there and tells.
    pub(crate) fn capture_before(&self) -> Option<Millis> {
        let Self::Expanded { payment_method_details: Some(details), .. } = self else {
            return None;
        };
        let seconds = details.card.as_ref()?.capture_before?;
        Some(Millis(seconds.saturating_mul(1_000)))
    }
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) amount: i64,
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) payment_intent: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Option<HashMap<String, String>>,
}

impl Intent {
    /// Reads an intent with its charge.
    pub(crate) async fn read(stripe: &Stripe, id: &str) -> Result<Self, StripeError> {
        stripe.look(Self::request(id)).await
    }

    pub(crate) fn request(id: &str) -> RequestBuilder {
        let expand = vec!["latest_charge".to_owned()];
        RetrievePaymentIntent::new(id).expand(expand).build()
    }

    /// Returns what of the captured money can still go back.
    ///
    /// Since version 2025-03-31.basil of its API Stripe counts as refunded what refunds gave back, and not what a partial capture let go.
    pub(crate) fn refundable(&self) -> i64 {
        let refunded = match self.latest_charge {
            Some(Charge::Expanded { amount_refunded, .. }) => amount_refunded,
            _ => 0,
        };
        self.amount_received.saturating_sub(refunded).clamp(0, self.amount_received.max(0))
    }
}

impl IntentStatus {
    /// Says why nothing can be done to an intent in this state; `None` where something can.
    pub(crate) fn hindrance(self) -> Option<Failure> {
        let (kind, what) = match self {
            Self::Succeeded | Self::Canceled | Self::RequiresCapture => return None,
            Self::Processing => (FailureKind::Unavailable, "is still being processed"),
            Self::RequiresPaymentMethod | Self::RequiresConfirmation | Self::RequiresAction => {
                (FailureKind::Rejected, "holds no money: it was never authorised")
            }
            Self::Unknown => (FailureKind::Rejected, "is in a state this version does not know"),
        };
        Some(Failure::new(kind, format!("the payment intent {what}")))
    }
}

#[cfg(test)]
impl Intent {
    /// Reads an intent of a test, whose amounts are 0 where it names none.
    pub(crate) fn of(json: &str) -> Self {
        let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
        for amount in ["amount_capturable", "amount_received"] {
            value.as_object_mut().unwrap().entry(amount).or_insert_with(|| 0.into());
        }
        serde_json::from_value(value).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_does_not_tell_what_was_captured_is_no_intent() {
        for json in
            [r#"{"status":"succeeded","amount_capturable":0}"#, r#"{"status":"requires_capture","amount_received":0}"#]
        {
            assert!(serde_json::from_str::<Intent>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_intent_is_read_whatever_else_stripe_puts_into_it() {
        let read = Intent::of;
        let whole = read(
            r#"{"id":"pi_1","object":"payment_intent","status":"succeeded","amount_received":1000,"new":[{"x":1.5}],"latest_charge":{"id":"ch_1","amount":1000,"amount_refunded":300,"outcome":null}}"#,
        );
        assert_eq!((whole.status, whole.refundable()), (IntentStatus::Succeeded, 700));
        assert_eq!(read(r#"{"status":"canceled","latest_charge":"ch_1"}"#).refundable(), 0);
        assert_eq!(read(r#"{"status":"new_status","latest_charge":null}"#).status, IntentStatus::Unknown);
    }

    #[test]
    fn what_a_partial_capture_released_is_neither_refundable_nor_refunded() {
        for (refunded, left) in [(0, 600), (300, 300), (600, 0)] {
            let json = format!(
                r#"{{"status":"succeeded","amount_received":600,"latest_charge":{{"amount":1000,"amount_refunded":{refunded}}}}}"#
            );
            assert_eq!(Intent::of(&json).refundable(), left, "{refunded}");
        }
    }

    #[test]
    fn the_charge_is_asked_for_with_the_intent() {
        let built = Intent::request("pi_1");
        assert_eq!(built.path, "/payment_intents/pi_1");
        assert_eq!(built.query.as_deref(), Some("expand[0]=latest_charge"));
    }
}

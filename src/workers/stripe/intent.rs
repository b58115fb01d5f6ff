//! A payment intent and its refunds, as far as a capture or a refund depends on them.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::payment_intent::RetrievePaymentIntent;

use super::client::Stripe;
use crate::domain::outcome::{Failure, FailureKind};

/// A payment intent. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Intent {
    pub(super) status: IntentStatus,
    #[serde(default)]
    pub(super) amount_capturable: i64,
    #[serde(default)]
    pub(super) amount_received: i64,
    #[serde(default)]
    pub(super) latest_charge: Option<Charge>,
}

/// Where a payment intent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IntentStatus {
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
pub(super) enum Charge {
    Expanded { amount: i64, amount_refunded: i64 },
    Id(IgnoredAny),
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) metadata: Option<HashMap<String, String>>,
}

/// One page of refunds, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Refunds {
    pub(super) data: Vec<Refund>,
    #[serde(default)]
    pub(super) has_more: bool,
}

impl Intent {
    /// Reads an intent with its charge.
    pub(super) async fn read(stripe: &Stripe, id: &str) -> Result<Self, Failure> {
        stripe.look(Self::request(id)).await
    }

    pub(super) fn request(id: &str) -> RequestBuilder {
        let expand = vec!["latest_charge".to_owned()];
        RetrievePaymentIntent::new(id).expand(expand).build()
    }

    /// Returns what of the captured money can still go back.
    ///
    /// Stripe counts what a partial capture released as refunded, so the charge's whole amount is what to subtract from.
    pub(super) fn refundable(&self) -> i64 {
        let left = match self.latest_charge {
            Some(Charge::Expanded { amount, amount_refunded }) => amount.saturating_sub(amount_refunded),
            _ => self.amount_received,
        };
        left.clamp(0, self.amount_received.max(0))
    }
}

impl IntentStatus {
    /// Says why nothing can be done to an intent in this state; `None` where something can.
    pub(super) fn hindrance(self) -> Option<Failure> {
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
mod tests {
    use super::*;

    #[test]
    fn an_intent_is_read_whatever_else_stripe_puts_into_it() {
        let read = |json: &str| serde_json::from_str::<Intent>(json).unwrap();
        let whole = read(
            r#"{"id":"pi_1","object":"payment_intent","status":"succeeded","amount_received":1000,"new":[{"x":1.5}],"latest_charge":{"id":"ch_1","amount":1000,"amount_refunded":300,"outcome":null}}"#,
        );
        assert_eq!((whole.status, whole.refundable()), (IntentStatus::Succeeded, 700));
        assert_eq!(read(r#"{"status":"canceled","latest_charge":"ch_1"}"#).refundable(), 0);
        assert_eq!(read(r#"{"status":"new_status","latest_charge":null}"#).status, IntentStatus::Unknown);
    }

    #[test]
    fn what_a_partial_capture_released_is_not_refundable() {
        let json =
            r#"{"status":"succeeded","amount_received":600,"latest_charge":{"amount":1000,"amount_refunded":400}}"#;
        assert_eq!(serde_json::from_str::<Intent>(json).unwrap().refundable(), 600);
    }

    #[test]
    fn the_charge_is_asked_for_with_the_intent() {
        let built = Intent::request("pi_1");
        assert_eq!(built.path, "/payment_intents/pi_1");
        assert_eq!(built.query.as_deref(), Some("expand[0]=latest_charge"));
    }
}

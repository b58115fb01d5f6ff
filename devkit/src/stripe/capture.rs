//! A held payment ended: captured in whole or in part, or cancelled.

use serde_json::Value;

use super::confirm::unexpected_state;
use super::error::StripeError;
use super::model::IntentStatus;
use super::params::Params;
use super::store::Store;
use super::{currency, disputes, intents};
use crate::clock;

/// What a caller may give as a reason. Stripe's API reference, "Cancel a `PaymentIntent`".
const CANCELLATION_REASONS: [&str; 4] = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];

/// Takes the money held. What is not captured is released, and no second capture is possible.
pub(super) fn capture(store: &mut Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&[
        "amount_to_capture",
        "expand",
        "final_capture",
        "metadata",
        "statement_descriptor",
        "statement_descriptor_suffix",
    ])?;
    let expand = params.expand(&intents::EXPANDABLE)?;
    let asked = params.positive("amount_to_capture")?;
    let metadata = params.metadata()?;
    if params.boolean("final_capture")? == Some(false) {
        let message = "This account does not have multicapture: final_capture can only be true.";
        return Err(StripeError::invalid(message).with("param", "final_capture".into()));
    }
    let intent = store.intent(id)?;
    if intent.status != IntentStatus::RequiresCapture {
        let message = format!(
            "This PaymentIntent could not be captured because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be captured: requires_capture.",
            intent.status.name()
        );
        return Err(unexpected_state(intent, &message));
    }
    let amount = asked.unwrap_or(intent.amount_capturable);
    if amount > intent.amount_capturable {
        let message = format!(
            "You cannot capture {}: at most {} can be captured.",
            currency::display(amount, &intent.currency),
            currency::display(intent.amount_capturable, &intent.currency)
        );
        return Err(StripeError::param("amount_too_large", "amount_to_capture", &message).kept());
    }
    take(store, id, amount);
    if let Some(intent) = store.intents.get_mut(id) {
        intent.metadata.extend(metadata);
    }
    intents::show(store, id, &expand)
}

fn take(store: &mut Store, id: &str, amount: i64) {
    let Some(intent) = store.intents.get_mut(id) else {
        return;
    };
    intent.status = IntentStatus::Succeeded;
    intent.amount_capturable = 0;
    intent.amount_received = amount;
    intent.ledger.captures += 1;
    intent.ledger.captured += amount;
    let Some(charge_id) = intent.latest_charge.clone() else {
        return;
    };
    if let Some(charge) = store.charges.get_mut(&charge_id) {
        charge.captured = true;
        charge.amount_captured = amount;
    }
    store.emit_charge("charge.captured", &charge_id);
    store.emit_intent("payment_intent.succeeded", id);
    disputes::open_if_the_card_does(store, &charge_id);
}

pub(super) fn cancel(store: &mut Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&["cancellation_reason", "expand"])?;
    let expand = params.expand(&intents::EXPANDABLE)?;
    let reason = params.choice("cancellation_reason", &CANCELLATION_REASONS)?;
    let intent = store.intent(id)?;
    if matches!(intent.status, IntentStatus::Succeeded | IntentStatus::Canceled) {
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
             following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, \
             requires_action, processing.",
            intent.status.name()
        );
        return Err(unexpected_state(intent, &message));
    }
    // No event of the charge: what was only held is not refunded.
    void(store, id, reason);
    intents::show(store, id, &expand)
}

/// The authorisation runs out; false when there is none.
pub(super) fn expire(store: &mut Store, id: &str) -> bool {
    if store.intents.get(id).is_none_or(|intent| intent.status != IntentStatus::RequiresCapture) {
        return false;
    }
    if let Some(charge_id) = void(store, id, Some("expired".to_owned())) {
        store.emit_charge("charge.expired", &charge_id);
    }
    true
}

/// Ends the intent without money; the charge that held some.
fn void(store: &mut Store, id: &str, reason: Option<String>) -> Option<String> {
    let intent = store.intents.get_mut(id)?;
    let held = (intent.status == IntentStatus::RequiresCapture).then(|| intent.latest_charge.clone()).flatten();
    intent.status = IntentStatus::Canceled;
    intent.amount_capturable = 0;
    intent.canceled_at = Some(clock::now_secs());
    intent.cancellation_reason = reason;
    intent.ledger.cancels += 1;
    store.emit_intent("payment_intent.canceled", id);
    let charge_id = held?;
    if let Some(charge) = store.charges.get_mut(&charge_id) {
        charge.released = true;
    }
    Some(charge_id)
}

//! Refunds: money given back out of a captured charge, never more than is left of it.

use http::StatusCode;
use serde_json::Value;

use super::card::Behaviour;
use super::confirm::unexpected_state;
use super::error::StripeError;
use super::model::{Charge, Refund, RefundStatus};
use super::params::Params;
use super::store::Store;
use super::{currency, lists, view};
use crate::{clock, id};

const EXPANDABLE: [&str; 2] = ["charge", "payment_intent"];

/// What a caller may give as a reason. Stripe's API reference, "Create a refund".
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

pub(super) fn create(store: &mut Store, params: &Params) -> Result<Value, StripeError> {
    params.only(&["amount", "charge", "expand", "metadata", "payment_intent", "reason"])?;
    let expand = params.expand(&EXPANDABLE)?;
    let asked = params.positive("amount")?;
    let reason = params.choice("reason", &REASONS)?;
    let metadata = params.metadata()?;
    let charge = charge_to_refund(store, params)?;
    let pends = charge.card.behaviour == Behaviour::PendRefund;
    let fails = charge.card.behaviour == Behaviour::FailRefund;
    let refund = Refund {
        id: id::token("re_3", 23),
        created: clock::now_secs(),
        charge: charge.id.clone(),
        intent: charge.intent.clone(),
        amount: amount_to_refund(charge, asked)?,
        currency: charge.currency.clone(),
        status: if pends { RefundStatus::Pending } else { RefundStatus::Succeeded },
        reason,
        metadata,
    };
    let id = refund.id.clone();
    let answer = book(store, refund, &expand);
    if fails {
        fail(store, &id);
    }
    Ok(answer)
}

/// The amount asked for, or all that is left, when the charge has it.
fn amount_to_refund(charge: &Charge, asked: Option<i64>) -> Result<i64, StripeError> {
    let (id, left) = (&charge.id, charge.amount_captured - charge.amount_refunded);
    let error = if charge.dispute.is_some() {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        StripeError::invalid(&message).code("charge_disputed")
    } else if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        StripeError::invalid(&message).code("charge_already_refunded")
    } else if let Some(amount) = asked.filter(|amount| *amount > left) {
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            currency::display(amount, &charge.currency),
            currency::display(left, &charge.currency)
        );
        StripeError::invalid(&message).with("param", "amount".into())
    } else {
        return Ok(asked.unwrap_or(left));
    };
    Err(error.kept())
}

/// Books the refund; the answer to its caller.
fn book(store: &mut Store, refund: Refund, expand: &[String]) -> Value {
    if let Some(charge) = store.charges.get_mut(&refund.charge) {
        charge.amount_refunded += refund.amount;
    }
    if let Some(intent) = store.intents.get_mut(&refund.intent) {
        intent.ledger.refunds += 1;
        intent.ledger.refunded += refund.amount;
    }
    let (id, charge_id) = (refund.id.clone(), refund.charge.clone());
    let answer = view::refund(&refund);
    store.refunds.put(&id, refund);
    store.emit_refund("refund.created", &id);
    store.emit_charge("charge.refunded", &charge_id);
    view::expanded(store, answer, expand)
}

/// The charge named, or the one of the payment intent named; it has been captured.
fn charge_to_refund<'a>(store: &'a Store, params: &Params) -> Result<&'a Charge, StripeError> {
    match (params.text("payment_intent")?, params.text("charge")?) {
        (Some(id), None) => charge_of_intent(store, &id),
        (None, Some(id)) => captured_charge(store, &id),
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: charge, payment_intent.";
            Err(StripeError::invalid(message))
        }
        (None, None) => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            Err(StripeError::invalid(message).code("parameter_missing"))
        }
    }
}

fn charge_of_intent<'a>(store: &'a Store, id: &str) -> Result<&'a Charge, StripeError> {
    let unknown = || StripeError::no_such(StatusCode::NOT_FOUND, "payment_intent", id, "payment_intent");
    let intent = store.intents.get(id).ok_or_else(unknown)?;
    let charge = intent.latest_charge.as_ref().and_then(|charge| store.charges.get(charge));
    charge.filter(|charge| charge.captured).ok_or_else(|| {
        let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
        unexpected_state(intent, &message)
    })
}

fn captured_charge<'a>(store: &'a Store, id: &str) -> Result<&'a Charge, StripeError> {
    let unknown = || StripeError::no_such(StatusCode::NOT_FOUND, "charge", id, "charge");
    let charge = store.charges.get(id).ok_or_else(unknown)?;
    if charge.captured {
        return Ok(charge);
    }
    let message = format!("Charge {id} has not been captured: cancel its PaymentIntent instead of refunding it.");
    Err(StripeError::invalid(&message).code("charge_not_refundable").kept())
}

pub(super) fn retrieve(store: &Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&["expand"])?;
    let expand = params.expand(&EXPANDABLE)?;
    let refund =
        store.refunds.get(id).ok_or_else(|| StripeError::no_such(StatusCode::NOT_FOUND, "refund", id, "id"))?;
    Ok(view::expanded(store, view::refund(refund), &expand))
}

pub(super) fn list(store: &Store, params: &Params) -> Result<Value, StripeError> {
    params.only(&["charge", "limit", "payment_intent", "starting_after"])?;
    let (intent, charge) = (params.text("payment_intent")?, params.text("charge")?);
    let fits = |refund: &Refund| {
        intent.as_ref().is_none_or(|id| *id == refund.intent) && charge.as_ref().is_none_or(|id| *id == refund.charge)
    };
    lists::Page::read(params)?.of(&store.refunds, "/v1/refunds", fits, view::refund)
}

/// The refund comes back after all; false when it has failed already or is not known.
pub(super) fn fail(store: &mut Store, id: &str) -> bool {
    let Some(refund) = store.refunds.get_mut(id).filter(|refund| refund.status != RefundStatus::Failed) else {
        return false;
    };
    refund.status = RefundStatus::Failed;
    let (amount, charge_id, intent_id) = (refund.amount, refund.charge.clone(), refund.intent.clone());
    if let Some(charge) = store.charges.get_mut(&charge_id) {
        charge.amount_refunded -= amount;
    }
    if let Some(intent) = store.intents.get_mut(&intent_id) {
        intent.ledger.refunded -= amount;
    }
    store.emit_refund("refund.updated", id);
    store.emit_refund("refund.failed", id);
    true
}

/// A pending refund arrives; false when it is not pending.
pub(super) fn complete(store: &mut Store, id: &str) -> bool {
    let Some(refund) = store.refunds.get_mut(id).filter(|refund| refund.status == RefundStatus::Pending) else {
        return false;
    };
    refund.status = RefundStatus::Succeeded;
    store.emit_refund("refund.updated", id);
    true
}

//! A payment attempted: authorised, declined, or held up for the customer to authenticate.

use http::StatusCode;
use serde_json::{Value, json};

use super::card::{AUTHENTICATION_REQUIRED, Behaviour, Decline};
use super::error::StripeError;
use super::model::{Charge, Intent, IntentStatus, PaymentMethod};
use super::params::Params;
use super::store::Store;
use super::{disputes, intents, view};
use crate::{clock, id};

/// How long an authorisation lasts, in seconds. docs.stripe.com, "Place a hold on a payment method":
/// seven days for most cards.
const AUTHORISATION_SECS: i64 = 7 * 24 * 60 * 60;

/// Whether the customer can be asked to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Away,
}

pub(super) fn confirm(store: &mut Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&["expand", "off_session", "payment_method", "receipt_email", "return_url", "use_stripe_sdk"])?;
    let expand = params.expand(&intents::EXPANDABLE)?;
    let return_url = params.text("return_url")?;
    let receipt_email = params.text("receipt_email")?;
    let presence = intents::presence(params)?;
    let method = intents::payment_method(store, params)?;
    let intent = store.intent(id)?;
    still_open(intent)?;
    if intent.automatic.as_deref() == Some("always") && return_url.is_none() && intent.return_url.is_none() {
        return Err(intents::redirects_need_a_return_url());
    }
    if let Some(intent) = store.intents.get_mut(id) {
        intent.payment_method = method.or(intent.payment_method.take());
        intent.return_url = return_url.or(intent.return_url.take());
        intent.texts.receipt_email = receipt_email.or(intent.texts.receipt_email.take());
    }
    attempt(store, id, presence)?;
    intents::show(store, id, &expand)
}

fn still_open(intent: &Intent) -> Result<(), StripeError> {
    match intent.status {
        IntentStatus::Succeeded | IntentStatus::RequiresCapture => {
            let message = "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.";
            Err(unexpected_state(intent, message))
        }
        IntentStatus::Canceled => {
            let message = "You cannot confirm this PaymentIntent because it has a status of canceled. Only a PaymentIntent \
                           with one of the following statuses may be confirmed: requires_confirmation, requires_action.";
            Err(unexpected_state(intent, message))
        }
        _ => Ok(()),
    }
}

/// Tries the payment with the method the intent has.
pub(super) fn attempt(store: &mut Store, id: &str, presence: Presence) -> Result<(), StripeError> {
    let intent = store.intent(id)?;
    let Some(method) = intent.payment_method.clone() else {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update \
                       the PaymentIntent with a payment method and then confirm it again, or confirm it again directly \
                       with a payment method or ConfirmationToken.";
        return Err(unexpected_state(intent, message));
    };
    match (method.card.behaviour, presence) {
        (Behaviour::Decline(decline), _) => Err(refuse(store, id, &method, decline)),
        (Behaviour::Authenticate, Presence::Away) => Err(refuse(store, id, &method, AUTHENTICATION_REQUIRED)),
        (Behaviour::Authenticate, Presence::There) => {
            change(store, id, |intent| {
                intent.status = IntentStatus::RequiresAction;
            });
            store.emit_intent("payment_intent.requires_action", id);
            Ok(())
        }
        _ => {
            approve(store, id, &method);
            Ok(())
        }
    }
}

/// The bank says yes: the money is held, or taken at once.
fn approve(store: &mut Store, id: &str, method: &PaymentMethod) {
    let Some(intent) = store.intents.get_mut(id) else {
        return;
    };
    let mut charge = charge(intent, method, None);
    intent.latest_charge = Some(charge.id.clone());
    intent.last_payment_error = None;
    intent.ledger.authorisations += 1;
    let manual = intent.manual_capture;
    if manual {
        intent.status = IntentStatus::RequiresCapture;
        intent.amount_capturable = intent.amount;
        charge.capture_before = Some(charge.created + AUTHORISATION_SECS);
    } else {
        intent.status = IntentStatus::Succeeded;
        intent.amount_received = intent.amount;
        intent.ledger.captures += 1;
        intent.ledger.captured += intent.amount;
        charge.captured = true;
        charge.amount_captured = charge.amount;
    }
    let charge_id = charge.id.clone();
    store.charges.put(&charge_id, charge);
    store.emit_charge("charge.succeeded", &charge_id);
    if manual {
        store.emit_intent("payment_intent.amount_capturable_updated", id);
    } else {
        store.emit_intent("payment_intent.succeeded", id);
        disputes::open_if_the_card_does(store, &charge_id);
    }
}

/// The bank says no: a failed charge, and the intent waits for another payment method.
fn refuse(store: &mut Store, id: &str, method: &PaymentMethod, decline: Decline) -> StripeError {
    let mut error = StripeError::new(StatusCode::PAYMENT_REQUIRED, "card_error", decline.message)
        .code(decline.code)
        .with("decline_code", decline.reason.into())
        .kept();
    let Some(intent) = store.intents.get_mut(id) else {
        return error;
    };
    let charge = charge(intent, method, Some(decline));
    let charge_id = charge.id.clone();
    intent.latest_charge = Some(charge_id.clone());
    intent.ledger.declines += 1;
    store.charges.put(&charge_id, charge);
    fail(
        store,
        id,
        method,
        &json!({
            "charge": charge_id,
            "code": decline.code,
            "decline_code": decline.reason,
            "doc_url": format!("https://stripe.com/docs/error-codes/{}", decline.code.replace('_', "-")),
            "message": decline.message,
            "type": "card_error",
        }),
    );
    store.emit_charge("charge.failed", &charge_id);
    store.emit_intent("payment_intent.payment_failed", id);
    error =
        error.with("charge", charge_id.into()).with("payment_method", view::payment_method(method, clock::now_secs()));
    match store.intents.get(id) {
        Some(intent) => error.with("payment_intent", view::intent(intent)),
        None => error,
    }
}

/// The customer proves who they are, or fails to; false when they were not asked.
pub(super) fn authenticate(store: &mut Store, id: &str, succeeds: bool) -> bool {
    let asked = store.intents.get(id).filter(|intent| intent.status == IntentStatus::RequiresAction);
    let Some(method) = asked.and_then(|intent| intent.payment_method.clone()) else {
        return false;
    };
    if succeeds {
        approve(store, id, &method);
    } else {
        fail_authentication(store, id, &method);
    }
    true
}

fn fail_authentication(store: &mut Store, id: &str, method: &PaymentMethod) {
    fail(
        store,
        id,
        method,
        &json!({
            "code": "payment_intent_authentication_failure",
            "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
            "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new \
                        PaymentMethod to attempt to fulfill this PaymentIntent again.",
            "type": "invalid_request_error",
        }),
    );
    store.emit_intent("payment_intent.payment_failed", id);
}

fn fail(store: &mut Store, id: &str, method: &PaymentMethod, error: &Value) {
    let mut error = error.clone();
    error["payment_method"] = view::payment_method(method, clock::now_secs());
    change(store, id, |intent| {
        intent.status = IntentStatus::RequiresPaymentMethod;
        intent.payment_method = None;
        intent.last_payment_error = Some(error);
    });
}

fn charge(intent: &Intent, method: &PaymentMethod, failure: Option<Decline>) -> Charge {
    Charge {
        id: id::token("ch_3", 23),
        created: clock::now_secs(),
        intent: intent.id.clone(),
        amount: intent.amount,
        currency: intent.currency.clone(),
        card: method.card,
        payment_method: method.id.clone(),
        captured: false,
        amount_captured: 0,
        amount_refunded: 0,
        released: false,
        capture_before: None,
        failure,
        dispute: None,
        texts: intent.texts.clone(),
        metadata: intent.metadata.clone(),
    }
}

fn change(store: &mut Store, id: &str, change: impl FnOnce(&mut Intent)) {
    if let Some(intent) = store.intents.get_mut(id) {
        change(intent);
    }
}

/// 400: the intent's status does not allow this.
pub(super) fn unexpected_state(intent: &Intent, message: &str) -> StripeError {
    StripeError::invalid(message)
        .code("payment_intent_unexpected_state")
        .with("payment_intent", view::intent(intent))
        .kept()
}

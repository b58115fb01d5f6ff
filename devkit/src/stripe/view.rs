//! The objects as Stripe writes them.

use serde_json::{Value, json};

use super::card::Card;
use super::model::{Charge, Dispute, DisputeOutcome, Intent, IntentStatus, PaymentMethod, Refund, RefundStatus};
use super::store::Store;

/// Fields of a payment intent that stay null here.
const INTENT_NULLS: [&str; 11] = [
    "application",
    "application_fee_amount",
    "customer",
    "on_behalf_of",
    "payment_method_configuration_details",
    "processing",
    "review",
    "setup_future_usage",
    "shipping",
    "source",
    "transfer_data",
];

/// Fields of a charge that stay null here.
const CHARGE_NULLS: [&str; 13] = [
    "application",
    "application_fee",
    "application_fee_amount",
    "customer",
    "failure_balance_transaction",
    "on_behalf_of",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "transfer_data",
];

pub(super) fn intent(intent: &Intent) -> Value {
    let texts = &intent.texts;
    let object = json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable,
        "amount_details": { "tip": {} },
        "amount_received": intent.amount_received,
        "automatic_payment_methods": intent.automatic.as_ref().map(|redirects| json!({ "allow_redirects": redirects, "enabled": true })),
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": if intent.manual_capture { "manual" } else { "automatic" },
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "description": texts.description,
        "last_payment_error": intent.last_payment_error,
        "latest_charge": intent.latest_charge,
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": next_action(intent),
        "payment_method": intent.payment_method.as_ref().map(|method| &method.id),
        "payment_method_options": { "card": { "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic" } },
        "payment_method_types": intent.payment_method_types,
        "receipt_email": texts.receipt_email,
        "statement_descriptor": texts.statement_descriptor,
        "statement_descriptor_suffix": texts.statement_descriptor_suffix,
        "status": intent.status.name(),
        "transfer_group": texts.transfer_group,
    });
    with_nulls(object, &INTENT_NULLS)
}

fn with_nulls(mut object: Value, names: &[&str]) -> Value {
    for name in names {
        object[*name] = Value::Null;
    }
    object
}

fn next_action(intent: &Intent) -> Option<Value> {
    if intent.status != IntentStatus::RequiresAction {
        return None;
    }
    Some(match &intent.return_url {
        Some(return_url) => json!({
            "type": "redirect_to_url",
            "redirect_to_url": { "return_url": return_url, "url": format!("https://hooks.stripe.com/3d_secure_2/{}", intent.id) },
        }),
        None => {
            json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } })
        }
    })
}

pub(super) fn charge(charge: &Charge) -> Value {
    let texts = &charge.texts;
    let failed = charge.failure.as_ref();
    let object = json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "balance_transaction": charge.captured.then(|| charge.id.replacen("ch_", "txn_", 1)),
        "billing_details": billing_details(),
        "calculated_statement_descriptor": "HOLDFAST",
        "captured": charge.captured,
        "created": charge.created,
        "currency": charge.currency,
        "description": texts.description,
        "dispute": charge.dispute,
        "disputed": charge.dispute.is_some(),
        "failure_code": failed.map(|decline| decline.code),
        "failure_message": failed.map(|decline| decline.message),
        "fraud_details": {},
        "livemode": false,
        "metadata": charge.metadata,
        "outcome": outcome(charge),
        "paid": failed.is_none(),
        "payment_intent": charge.intent,
        "payment_method": charge.payment_method,
        "payment_method_details": { "type": "card", "card": card_details(charge) },
        "receipt_email": texts.receipt_email,
        "refunded": charge.captured && charge.amount_refunded == charge.amount_captured,
        "statement_descriptor": texts.statement_descriptor,
        "statement_descriptor_suffix": texts.statement_descriptor_suffix,
        "status": if failed.is_none() { "succeeded" } else { "failed" },
        "transfer_group": texts.transfer_group,
    });
    with_nulls(object, &CHARGE_NULLS)
}

fn outcome(charge: &Charge) -> Value {
    match &charge.failure {
        None => json!({
            "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 7,
            "seller_message": "Payment complete.", "type": "authorized",
        }),
        Some(decline) => json!({
            "network_status": "declined_by_network", "reason": decline.reason, "risk_level": "normal", "risk_score": 7,
            "seller_message": "The bank declined the payment.", "type": "issuer_declined",
        }),
    }
}

fn card_details(charge: &Charge) -> Value {
    let mut details = card(charge.card);
    details["amount_authorized"] = charge.amount.into();
    details["capture_before"] = charge.capture_before.into();
    details["network"] = charge.card.brand.into();
    details
}

fn card(card: &Card) -> Value {
    json!({
        "brand": card.brand,
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": format!("card{}", card.last4),
        "funding": "credit",
        "last4": card.last4,
        "three_d_secure": null,
        "wallet": null,
    })
}

fn billing_details() -> Value {
    let address =
        json!({ "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null });
    json!({ "address": address, "email": null, "name": null, "phone": null, "tax_id": null })
}

pub(super) fn payment_method(method: &PaymentMethod, created: i64) -> Value {
    json!({
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        "card": card(method.card),
        "created": created,
        "customer": null,
        "livemode": false,
        "metadata": {},
        "type": "card",
    })
}

pub(super) fn refund(refund: &Refund) -> Value {
    let failed = refund.status == RefundStatus::Failed;
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": refund.id.replacen("re_", "txn_", 1),
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "destination_details": { "type": "card", "card": { "type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number" } },
        "failure_balance_transaction": failed.then(|| refund.id.replacen("re_", "txn_f", 1)),
        "failure_reason": failed.then_some("expired_or_canceled_card"),
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": refund.status.name(),
        "transfer_reversal": null,
    })
}

pub(super) fn dispute(dispute: &Dispute) -> Value {
    let status = match dispute.outcome {
        None => "needs_response",
        Some(DisputeOutcome::Won) => "won",
        Some(DisputeOutcome::Lost) => "lost",
    };
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": [],
        "charge": dispute.charge,
        "created": dispute.created,
        "currency": dispute.currency,
        "evidence": {},
        "evidence_details": { "due_by": null, "has_evidence": false, "past_due": false, "submission_count": 0 },
        "is_charge_refundable": false,
        "livemode": false,
        "metadata": {},
        "payment_intent": dispute.intent,
        "reason": "fraudulent",
        "status": status,
    })
}

/// A page of a list.
pub(super) fn list(url: &str, data: &[Value], has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

/// Puts whole objects where the answer has their ids, for the properties asked for.
pub(super) fn expanded(store: &Store, mut object: Value, properties: &[String]) -> Value {
    for property in properties.iter().map(String::as_str) {
        let Some(id) = object[property].as_str() else {
            continue;
        };
        let whole = match property {
            "latest_charge" | "charge" => store.charges.get(id).map(charge),
            "payment_intent" => store.intents.get(id).map(intent),
            "payment_method" => store.payment_methods.get(id).map(|method| payment_method(method, 0)),
            _ => None,
        };
        if let Some(whole) = whole {
            object[property] = whole;
        }
    }
    object
}

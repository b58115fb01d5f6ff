//! Payment intents: created, read and listed.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::Value;

use super::confirm::{self, Presence};
use super::error::StripeError;
use super::model::{Intent, IntentStatus, LedgerEntry, PaymentMethod, Texts};
use super::params::Params;
use super::store::Store;
use super::{card, currency, lists, view};
use crate::{clock, id};

/// Properties of a payment intent that can be expanded here.
pub(super) const EXPANDABLE: [&str; 2] = ["latest_charge", "payment_method"];

const CREATE: [&str; 18] = [
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "currency",
    "description",
    "expand",
    "metadata",
    "off_session",
    "payment_method",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
    "use_stripe_sdk",
    "confirmation_method",
];

/// Longest statement descriptor, in characters. Stripe's API reference, `statement_descriptor`.
const MAX_DESCRIPTOR: usize = 22;

pub(super) fn create(store: &mut Store, params: &Params) -> Result<Value, StripeError> {
    params.only(&CREATE)?;
    let expand = params.expand(&EXPANDABLE)?;
    let confirm = params.boolean("confirm")?.unwrap_or(false);
    let presence = presence(params)?;
    let intent = read(store, params)?;
    if confirm && intent.automatic.as_deref() == Some("always") && intent.return_url.is_none() {
        return Err(redirects_need_a_return_url());
    }
    if !confirm {
        nothing_about_confirming(params)?;
    }
    let id = intent.id.clone();
    store.intents.put(&id, intent);
    store.emit_intent("payment_intent.created", &id);
    if confirm {
        confirm::attempt(store, &id, presence)?;
    }
    show(store, &id, &expand)
}

/// The intent the parameters describe, before anything happens to it.
fn read(store: &mut Store, params: &Params) -> Result<Intent, StripeError> {
    let amount = params.positive("amount")?.ok_or_else(|| params.missing("amount"))?;
    let currency = params.text("currency")?.ok_or_else(|| params.missing("currency"))?;
    let currency = currency::check(amount, &currency)?;
    let capture_method = params.choice("capture_method", &["automatic", "automatic_async", "manual"])?;
    params.choice("confirmation_method", &["automatic"])?;
    let (payment_method_types, automatic) = methods(params)?;
    let payment_method = payment_method(store, params)?;
    let status = match payment_method {
        Some(_) => IntentStatus::RequiresConfirmation,
        None => IntentStatus::RequiresPaymentMethod,
    };
    Ok(Intent {
        status,
        manual_capture: capture_method.as_deref() == Some("manual"),
        payment_method,
        texts: texts(params)?,
        metadata: params.metadata()?,
        payment_method_types,
        automatic,
        return_url: params.text("return_url")?,
        ..blank(amount, currency)
    })
}

fn nothing_about_confirming(params: &Params) -> Result<(), StripeError> {
    for name in ["off_session", "return_url"] {
        if params.text(name)?.is_some() {
            let message = format!(
                "The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set to true."
            );
            return Err(StripeError::invalid(&message).with("param", name.into()));
        }
    }
    Ok(())
}

fn blank(amount: i64, currency: String) -> Intent {
    let id = id::token("pi_3", 23);
    Intent {
        client_secret: id::token(&format!("{id}_secret_"), 25),
        id,
        created: clock::now_secs(),
        amount,
        currency,
        status: IntentStatus::RequiresPaymentMethod,
        manual_capture: false,
        amount_capturable: 0,
        amount_received: 0,
        payment_method: None,
        latest_charge: None,
        last_payment_error: None,
        canceled_at: None,
        cancellation_reason: None,
        texts: Texts::default(),
        metadata: BTreeMap::new(),
        payment_method_types: Vec::new(),
        automatic: None,
        return_url: None,
        ledger: LedgerEntry::default(),
    }
}

pub(super) fn retrieve(store: &Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&["client_secret", "expand"])?;
    show(store, id, &params.expand(&EXPANDABLE)?)
}

pub(super) fn list(store: &Store, params: &Params) -> Result<Value, StripeError> {
    params.only(&["created", "expand", "limit", "starting_after"])?;
    let since = match params.group("created")? {
        Some(created) => {
            created.only(&["gte"])?;
            created.integer("gte")?
        }
        None => None,
    };
    let expand: Vec<String> = params
        .expand(&EXPANDABLE.map(|property| format!("data.{property}")).each_ref().map(String::as_str))?
        .iter()
        .map(|property| property.trim_start_matches("data.").to_owned())
        .collect();
    let page = lists::Page::read(params)?;
    page.of(
        &store.intents,
        "/v1/payment_intents",
        |intent| since.is_none_or(|since| intent.created >= since),
        |intent| view::expanded(store, view::intent(intent), &expand),
    )
}

pub(super) fn show(store: &Store, id: &str, expand: &[String]) -> Result<Value, StripeError> {
    Ok(view::expanded(store, view::intent(store.intent(id)?), expand))
}

/// The payment method named in the call, by a test token or by the id given out for one.
pub(super) fn payment_method(store: &mut Store, params: &Params) -> Result<Option<PaymentMethod>, StripeError> {
    let Some(name) = params.text("payment_method")? else {
        return Ok(None);
    };
    if let Some(known) = store.payment_methods.get(&name) {
        return Ok(Some(known.clone()));
    }
    let card = card::find(&name)
        .ok_or_else(|| StripeError::no_such(StatusCode::BAD_REQUEST, "PaymentMethod", &name, "payment_method"))?;
    let method = PaymentMethod { id: id::token("pm_1", 23), card };
    store.payment_methods.insert(method.id.clone(), method.clone());
    Ok(Some(method))
}

/// Whether the customer is there to authenticate.
pub(super) fn presence(params: &Params) -> Result<Presence, StripeError> {
    let away = params.boolean("off_session")?.unwrap_or(false);
    Ok(if away { Presence::Away } else { Presence::There })
}

/// The payment method types, and `allow_redirects` where Stripe chooses the types.
///
/// With neither parameter Stripe chooses, redirects included: its default since 2023-08-16.
fn methods(params: &Params) -> Result<(Vec<String>, Option<String>), StripeError> {
    let types = params.list("payment_method_types")?;
    let automatic = params.group("automatic_payment_methods")?;
    if let Some(group) = automatic {
        group.only(&["enabled", "allow_redirects"])?;
        let enabled = group.boolean("enabled")?.ok_or_else(|| group.missing("enabled"))?;
        let redirects = group.choice("allow_redirects", &["always", "never"])?;
        if enabled && types.is_some() {
            let message =
                "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
            return Err(StripeError::invalid(message));
        }
        if enabled {
            return Ok((vec!["card".to_owned()], Some(redirects.unwrap_or_else(|| "always".to_owned()))));
        }
    }
    match types {
        Some(types) if types.iter().all(|one| one == "card") && !types.is_empty() => Ok((types, None)),
        Some(_) => {
            let message = "The sandbox takes cards alone: payment_method_types must be [card].";
            Err(StripeError::invalid(message).with("param", "payment_method_types".into()))
        }
        None => Ok((vec!["card".to_owned()], Some("always".to_owned()))),
    }
}

pub(super) fn redirects_need_a_return_url() -> StripeError {
    StripeError::invalid(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these \
         payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't \
         want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and \
         `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.",
    )
}

fn texts(params: &Params) -> Result<Texts, StripeError> {
    let receipt_email = params.text("receipt_email")?;
    if let Some(email) = &receipt_email
        && !email.contains('@')
    {
        return Err(StripeError::param("email_invalid", "receipt_email", &format!("Invalid email address: {email}")));
    }
    Ok(Texts {
        description: params.text("description")?,
        receipt_email,
        transfer_group: params.text("transfer_group")?,
        statement_descriptor: params.short_text("statement_descriptor", MAX_DESCRIPTOR)?,
        statement_descriptor_suffix: params.short_text("statement_descriptor_suffix", MAX_DESCRIPTOR)?,
    })
}

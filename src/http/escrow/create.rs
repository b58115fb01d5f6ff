//! `POST /api/escrow/create`: an escrow and its payment.

use std::collections::BTreeMap;

use http::{Method, StatusCode};

use super::enter::{self, Run};
use super::operate::text;
use super::view::{EscrowView, ended};
use crate::admission::{Admitted, Earlier};
use crate::app::App;
use crate::domain::email_address::EmailAddress;
use crate::domain::escrow::{Escrow, NewEscrow};
use crate::domain::money::{Currency, Money};
use crate::escrow::{Ending, Order};
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, Route};

/// Largest amount, in minor units: eight digits. Stripe's documentation, "Supported currencies", November 2026.
const MAX_AMOUNT: i64 = 99_999_999;

/// Longest description, in characters. Chosen: a line on a statement and some more; Stripe takes 1,000.
const MAX_DESCRIPTION_CHARS: usize = 500;

/// Most notes of a partner, and the longest name and text of one. Stripe's limits are 50, 40 and 500.
const MAX_NOTES: usize = 20;
const MAX_NOTE_NAME_CHARS: usize = 40;
const MAX_NOTE_CHARS: usize = 500;

/// `POST /api/escrow/create`
pub static CREATE: Route =
    Route::new("escrow-create", "/api/escrow/create", &[(Method::POST, |app, request| Box::pin(create(app, request)))]);

/// What a caller asks for.
struct Wanted {
    money: Money,
    buyer_email: EmailAddress,
    seller_email: EmailAddress,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    payment_method: Option<String>,
}

async fn create(app: App, request: Request) -> Result<Response, ApiError> {
    let wanted = wanted(&request);
    let admitted = enter::enter(&app, &request, None).await?;
    let window = admitted.window;
    enter::with_window(window, admitted_create(&app, &request, &admitted, wanted).await)
}

async fn admitted_create(
    app: &App,
    request: &Request,
    admitted: &Admitted,
    wanted: Result<Wanted, ApiError>,
) -> Result<Response, ApiError> {
    let record = match enter::run(admitted, request)? {
        Run::Replay(response) => return Ok(response),
        Run::Go(record) => record,
    };
    let wanted = wanted?;
    let (role, id) = (admitted.role, request.id.clone());
    let render = move |ending: Ending<'_>| ended(ending, StatusCode::CREATED, role, &id);
    let order = Order { role, record: &record, render: &render, origin: request.origin() };
    let escrows = app.escrows()?;
    let begun = match &admitted.earlier {
        Earlier::Open(id) => escrows.get(id).await?,
        _ => None,
    };
    let done = if let Some(begun) = begun {
        escrows.go_on_creating(begun, &order).await?
    } else {
        let new = NewEscrow {
            id: app.dice().escrow_id(),
            partner: admitted.partner.clone(),
            money: wanted.money,
            buyer_email: wanted.buyer_email,
            seller_email: wanted.seller_email,
            description: wanted.description,
            metadata: wanted.metadata,
            payment_method: wanted.payment_method,
            by: role,
            request: Some(record.name.clone()),
        };
        escrows.create(new, &order).await?
    };
    Ok(enter::done(done, |escrow: &Escrow| EscrowView::new(escrow, role).to_json()))
}

fn wanted(request: &Request) -> Result<Wanted, ApiError> {
    let mut body = Fields::of_body(&request.body)?;
    let wanted = Wanted {
        money: money(&mut body)?,
        buyer_email: email(&mut body, "buyerEmail")?,
        seller_email: email(&mut body, "sellerEmail")?,
        description: text(&mut body, "description", MAX_DESCRIPTION_CHARS)?,
        metadata: metadata(&mut body)?,
        payment_method: payment_method(&mut body)?,
    };
    body.finish("amount, currency, buyerEmail, sellerEmail, description, metadata, paymentMethod")?;
    Ok(wanted)
}

fn money(body: &mut Fields) -> Result<Money, ApiError> {
    let amount: i64 = body.required("amount", "a whole number of minor units")?;
    let code: String = body.required("currency", "three letters of ISO 4217, such as \"usd\"")?;
    let currency = Currency::parse(&code).ok().filter(Currency::is_listed);
    let currency = currency.ok_or_else(|| {
        body.invalid(
            "unknown_currency",
            format!("currency {:?} is not one of ISO 4217's", code.chars().take(12).collect::<String>()),
        )
    })?;
    if !(1..=MAX_AMOUNT).contains(&amount) {
        let detail = format!("amount is {amount}, expected 1 to {MAX_AMOUNT} minor units");
        return Err(body.invalid("invalid_amount", detail));
    }
    currency.takes(amount).map_err(|error| body.invalid("invalid_amount", error.to_string()))?;
    Money::new(amount, currency).map_err(|error| body.invalid("invalid_amount", error.to_string()))
}

fn email(body: &mut Fields, name: &str) -> Result<EmailAddress, ApiError> {
    let address: String = body.required(name, "an e-mail address")?;
    EmailAddress::parse(address).map_err(|error| body.invalid("invalid_field", format!("{name}: {error}")))
}

fn metadata(body: &mut Fields) -> Result<BTreeMap<String, String>, ApiError> {
    let expected = "an object of at most 20 texts";
    let notes: BTreeMap<String, String> = body.object("metadata", expected)?.unwrap_or_default();
    let fits = |(name, text): (&String, &String)| {
        (1..=MAX_NOTE_NAME_CHARS).contains(&name.chars().count()) && text.chars().count() <= MAX_NOTE_CHARS
    };
    if notes.len() > MAX_NOTES || !notes.iter().all(fits) {
        let detail = format!(
            "metadata is not {expected}, with names of at most {MAX_NOTE_NAME_CHARS} characters and texts of at most {MAX_NOTE_CHARS}"
        );
        return Err(body.invalid("invalid_field", detail));
    }
    Ok(notes)
}

fn payment_method(body: &mut Fields) -> Result<Option<String>, ApiError> {
    let method: Option<String> = body.optional("paymentMethod", "a payment method's id")?;
    let of_form = |method: &String| {
        let tail = method.strip_prefix("pm_").unwrap_or_default();
        (1..=200).contains(&tail.len()) && tail.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match method {
        Some(method) if !of_form(&method) => {
            Err(body.invalid("invalid_field", "paymentMethod is not of the form pm_ and letters, digits or '_'"))
        }
        method => Ok(method),
    }
}

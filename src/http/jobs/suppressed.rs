//! The addresses that are not written to: listed by their hashes, and lifted.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::cursor::Cursor;
use crate::app::App;
use crate::deliveries::{AddressHash, Suppressed, SuppressedPlace};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::JobId;
use crate::domain::millis::Millis;
use crate::http::extract::Fields;
use crate::http::query::Query;
use crate::http::{ApiError, Request, Response, record, reply};
use crate::queue::LetterPlace;

/// Addresses in one answer where the caller names no number.
const DEFAULT_LIMIT: u32 = 100;

#[derive(Serialize)]
struct List {
    suppressed: Vec<Suppressed>,
    cursor: Option<String>,
}

/// Answers with a page of the list.
pub(super) async fn list(app: &App, mut query: Query) -> Result<Response, ApiError> {
    let limit = query.optional("limit", "a number from 1 to 500")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=500).contains(&limit) {
        return Err(ApiError::invalid("invalid_field", format!("limit is {limit}, expected a number from 1 to 500")));
    }
    let cursor: Option<String> = query.cursor();
    query.finish("list, limit or cursor")?;
    let scope = format!("{} suppressed", app.config().key_prefix.as_deref().unwrap_or_default());
    let after = cursor.map(|text| read_place(&text, &scope)).transpose()?;
    let page = app.deliveries()?.suppressed(after.as_ref(), limit, app.clock().now()).await?;
    let cursor = page.next.and_then(|place| write_place(&place, &scope));
    Ok(reply::json(StatusCode::OK, &List { suppressed: page.addresses, cursor }))
}

/// Lets an address be written to again, named by itself or by its hash.
pub(super) async fn lift(app: &App, request: &Request, mut body: Fields) -> Result<Response, ApiError> {
    let email: Option<EmailAddress> = body.optional("email", "an e-mail address")?;
    let hash: Option<String> = body.optional("address", HASH)?;
    let address = match (email, hash) {
        (Some(email), None) => AddressHash::of(&email),
        (None, Some(hash)) => {
            AddressHash::parse(&hash).ok_or_else(|| body.invalid("invalid_field", format!("address is not {HASH}")))?
        }
        _ => return Err(body.invalid("invalid_field", "expected one of email, or address as the list shows it")),
    };
    body.finish("action, email or address")?;
    if app.deliveries()?.lift(&address, &record::operator(app, request)).await? {
        return Ok(reply::json(StatusCode::OK, &json!({"lifted": address.as_str()})));
    }
    Err(ApiError::not_found("not_suppressed", "this address is not suppressed; mails are sent to it"))
}

const HASH: &str = "a hash as the list shows it: 64 hexadecimal digits";

fn write_place(place: &SuppressedPlace, scope: &str) -> Option<String> {
    let id = JobId::parse(place.address.as_str()).ok()?;
    Some(Cursor { place: LetterPlace { died_at: place.until, id }, before: Millis(0) }.write(scope))
}

fn read_place(text: &str, scope: &str) -> Result<SuppressedPlace, ApiError> {
    let place = Cursor::read(text, scope)?.place;
    let address = AddressHash::parse(place.id.as_str());
    let address = address.ok_or_else(|| ApiError::invalid("invalid_cursor", "the cursor is not one of this list"))?;
    Ok(SuppressedPlace { until: place.died_at, address })
}

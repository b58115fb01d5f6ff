//! Mailgun's API, as far as Holdfast uses it: `POST /v3/{domain}/messages` with a form. It knows no idempotency keys.

use std::collections::BTreeMap;

use axum::extract::Form;
use axum::extract::FromRequest;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::Outbox;
use super::message::{Draft, Tag};
use crate::journal::header;

/// Takes a mail in. The error is what Mailgun answers.
pub(super) async fn send(
    outbox: &Outbox,
    headers: &HeaderMap,
    body: bytes::Bytes,
) -> Result<Value, (StatusCode, Value)> {
    let refused = |status: StatusCode, message: &str| (status, json!({ "message": message }));
    let expected = format!("Basic {}", STANDARD.encode(format!("api:{}", outbox.api_key)));
    if header(headers, AUTHORIZATION.as_str()).as_deref() != Some(&*expected) {
        return Err(refused(StatusCode::UNAUTHORIZED, "Invalid private key"));
    }
    let kind = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let request = Request::post("/").header(CONTENT_TYPE, kind).body(axum::body::Body::from(body));
    let request = request.map_err(|_| refused(StatusCode::BAD_REQUEST, "the request cannot be read"))?;
    let Form(fields) = Form::<BTreeMap<String, String>>::from_request(request, &())
        .await
        .map_err(|_| refused(StatusCode::BAD_REQUEST, "the form cannot be read"))?;
    for name in ["from", "to", "subject"] {
        if fields.get(name).is_none_or(String::is_empty) {
            return Err(refused(StatusCode::BAD_REQUEST, &format!("{name} parameter is missing")));
        }
    }
    let draft = draft(fields);
    if draft.html.is_none() && draft.text.is_none() {
        return Err(refused(StatusCode::BAD_REQUEST, "Need at least one of 'text', 'html' parameters specified"));
    }
    let id = draft.headers.get("Message-Id").cloned();
    let ids = outbox.accept(vec![draft], None);
    let id = id.unwrap_or_else(|| format!("<{}@mailgun.example>", ids.concat()));
    Ok(json!({ "id": id, "message": "Queued. Thank you." }))
}

fn draft(mut fields: BTreeMap<String, String>) -> Draft {
    let mut take = |name: &str| fields.remove(name);
    let mut draft = Draft {
        from: take("from").unwrap_or_default(),
        to: take("to").into_iter().collect(),
        subject: take("subject").unwrap_or_default(),
        html: take("html"),
        text: take("text"),
        ..Draft::default()
    };
    for (name, value) in fields {
        if let Some(name) = name.strip_prefix("h:") {
            draft.headers.insert(name.to_owned(), value);
        } else if let Some(name) = name.strip_prefix("v:") {
            draft.tags.push(Tag { name: name.to_owned(), value });
        }
    }
    draft
}

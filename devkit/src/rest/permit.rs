//! Who may call, by which method, and in which format they are answered.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};

use super::command::token_parameter;
use super::reply::{Format, Refusal};

/// Checks that the caller shows the token, in its header or else in the query.
pub(super) fn authenticate(token: &str, parts: &Parts) -> Result<(), Refusal> {
    let bearer = parts.headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let shown = match bearer {
        Some(shown) => Some(shown.into()),
        None => token_parameter(parts.uri.query().unwrap_or_default()),
    };
    if shown.as_deref() == Some(token.as_bytes()) {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::UNAUTHORIZED, "WRONGPASS invalid or missing auth token"))
    }
}

/// Checks method and token, and reads the format that is asked for.
pub(super) fn format(token: &str, parts: &Parts) -> Result<Format, Refusal> {
    if ![Method::HEAD, Method::GET, Method::POST, Method::PUT].contains(&parts.method) {
        let message = "ERR method not allowed: expected HEAD, GET, POST or PUT";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    authenticate(token, parts)?;
    let says = |name: &str, value: &[u8]| {
        let header = parts.headers.get(name).map(HeaderValue::as_bytes);
        header.is_some_and(|header| header.eq_ignore_ascii_case(value))
    };
    let base64 = says("upstash-encoding", b"base64");
    let resp2 = says("upstash-response-format", b"resp2");
    let json = says("upstash-response-format", b"json") || !parts.headers.contains_key("upstash-response-format");
    match (resp2, json, base64) {
        (true, _, true) => Err(Refusal::bad("ERR base64 encoding is not supported with the resp2 response format")),
        (true, _, false) => Ok(Format::Resp2),
        (false, false, _) => Err(Refusal::bad("ERR unknown response format: expected json or resp2")),
        (false, true, true) => Ok(Format::Base64),
        (false, true, false) => Ok(Format::Json),
    }
}

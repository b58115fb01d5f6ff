//! What a control is sent: JSON by a program, or a form by the page that shows it.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::journal::header;

/// A control's input, and who sent it.
#[derive(Debug)]
pub(crate) struct Sent {
    value: Value,
    from_page: bool,
}

impl Sent {
    /// The input as the type asked for; 422 says what was expected.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_value(self.value.clone())
            .map_err(|error| Refused(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
    }

    /// 204 for a program; the page again for a person.
    pub(crate) fn done(&self, page: &str) -> Response {
        if self.from_page { Redirect::to(page).into_response() } else { StatusCode::NO_CONTENT.into_response() }
    }

    /// As [`done`](Self::done) when it was done; 409 when the thing's state did not allow it.
    pub(crate) fn done_if(&self, done: bool, page: &str) -> Result<Response, Refused> {
        if done {
            return Ok(self.done(page));
        }
        Err(Refused(StatusCode::CONFLICT, "there is no such thing, or its state does not allow this".to_owned()))
    }
}

/// A control refused, and why.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode, String);

impl Refused {
    pub(crate) fn unknown() -> Self {
        Self(StatusCode::NOT_FOUND, "there is no such control".to_owned())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        // Pages of other sites can send forms to this machine too.
        if header(request.headers(), "sec-fetch-site").is_some_and(|site| site == "cross-site") {
            return Err(Refused(StatusCode::FORBIDDEN, "controls take no form from another site".to_owned()));
        }
        let from_page = header(request.headers(), CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let body =
            Bytes::from_request(request, state).await.map_err(|error| Refused(error.status(), error.to_string()))?;
        let value = if from_page {
            from_form(&body)
        } else if body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(&body).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))?
        };
        Ok(Self { value, from_page })
    }
}

/// A form as the JSON a program would send; fields left empty are left out.
fn from_form(body: &[u8]) -> Value {
    let fields = form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty());
    let typed = fields.map(|(name, value)| {
        let value = match (value.as_ref(), value.parse::<u64>()) {
            ("true", _) => Value::Bool(true),
            ("false", _) => Value::Bool(false),
            (_, Ok(number)) => number.into(),
            (text, Err(_)) => text.into(),
        };
        (name.into_owned(), value)
    });
    Value::Object(typed.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_the_json_a_program_would_send() {
        let value = from_form(b"fault=rate_limited&retryAfterSecs=3&times=2&path=&done=true");

        assert_eq!(value, json!({ "fault": "rate_limited", "retryAfterSecs": 3, "times": 2, "done": true }));
    }
}

//! The beginning of every request with an API key: who calls, whether too often, whether again.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::admission::{
    Admitted, ApiKey, Asking, Earlier, ParseRequestKeyError, Refused, RequestKey, Window, fingerprint,
};
use crate::app::App;
use crate::auth::AuthError;
use crate::domain::id::EscrowId;
use crate::escrow::{Answer, Done, RequestRecord};
use crate::http::{ApiError, Request, Response, Wake, reply};

/// How soon a caller may ask again for an outcome that is not known. Chosen: the fallback runs within a minute or two.
const UNKNOWN_AGAIN: Duration = Duration::from_secs(5);

/// Lets the caller in, with the escrow the request is about.
pub(in crate::http) async fn enter(
    app: &App,
    request: &Request,
    escrow: Option<&EscrowId>,
) -> Result<Admitted, ApiError> {
    let token = request.credentials().bearer.ok_or(AuthError::NoToken)?;
    let api_key = ApiKey::presented(token);
    let digest = fingerprint(request.method.as_str(), &request.path, &request.body);
    let request_key = request.header("idempotency-key").and_then(|value| RequestKey::parse(value).ok());
    let request_key = request_key.filter(|_| request.method == Method::POST);
    let asking = Asking { api_key: &api_key, request_key: request_key.as_ref(), fingerprint: &digest, escrow };
    Ok(app.admission()?.admit(&asking).await?)
}

/// What a request that may come again has to go by.
pub(super) enum Run {
    /// Its answer is known.
    Replay(Response),
    /// It is to be done, or gone on with, for this record.
    Go(RequestRecord),
}

/// Settles what an earlier run of the request means for this one.
pub(super) fn run(admitted: &Admitted, request: &Request) -> Result<Run, ApiError> {
    let Some(record) = admitted.record.clone() else {
        return Err(match request.headers.get("idempotency-key") {
            None => {
                let detail =
                    "the request needs the header Idempotency-Key: any text that no other request of yours has";
                ApiError::new(StatusCode::BAD_REQUEST, "idempotency_key_required", detail)
            }
            Some(_) => ParseRequestKeyError.into(),
        });
    };
    match &admitted.earlier {
        Earlier::Answered(kept) => {
            let mut response = answer(kept);
            response.headers_mut().insert("idempotent-replayed", http::HeaderValue::from_static("true"));
            Ok(Run::Replay(response))
        }
        Earlier::Running(left) => Err(ApiError::running((*left).min(UNKNOWN_AGAIN))),
        Earlier::Other => Err(ApiError::key_reused()),
        Earlier::None | Earlier::Open(_) => Ok(Run::Go(record)),
    }
}

/// Writes how an operation ended; `unknown` is the escrow as it is where that is not known.
pub(super) fn done(done: Done, unknown: impl Fn(&crate::domain::escrow::Escrow) -> Vec<u8>) -> Response {
    let mut response = match done {
        Done::Answered(kept) => answer(&kept),
        Done::Unknown(escrow) => {
            let mut response = reply::json_bytes(StatusCode::ACCEPTED, unknown(&escrow));
            response.headers_mut().insert("retry-after", reply::text(&UNKNOWN_AGAIN.as_secs().to_string()));
            response
        }
    };
    response.extensions_mut().insert(Wake);
    response
}

/// Writes an answer that is kept.
fn answer(kept: &Answer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = reply::json_bytes(status, kept.body.clone());
    if !status.is_success() {
        response.headers_mut().insert("content-type", reply::text("application/problem+json"));
    }
    response
}

/// Makes the answer that is kept of a problem.
pub(super) fn kept(problem: ApiError, request_id: &str) -> Answer {
    let status = problem.status().as_u16();
    let body = problem.into_response(request_id).into_body();
    Answer { status, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Says how much of the caller's limit is left, in the headers of the IETF's draft.
pub(in crate::http) fn with_window(window: Window, result: Result<Response, ApiError>) -> Result<Response, ApiError> {
    let headers = limits(window);
    match result {
        Ok(mut response) => {
            for (name, value) in headers {
                response.headers_mut().insert(name, reply::text(&value));
            }
            Ok(response)
        }
        Err(error) => Err(headers.into_iter().fold(error, |error, (name, value)| error.header(name, value))),
    }
}

fn limits(window: Window) -> [(&'static str, String); 2] {
    let seconds = window.ends_in.as_millis().div_ceil(1_000);
    let policy = format!("\"key\";q={};w={}", window.limit, crate::admission::WINDOW.as_secs());
    [("ratelimit-policy", policy), ("ratelimit", format!("\"key\";r={};t={seconds}", window.left))]
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownKey => AuthError::WrongToken.into(),
            Refused::Upstash(error) => error.into(),
            Refused::Limited(window) => {
                let detail = format!("this API key may make {} calls a minute", window.limit);
                let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
                let seconds = window.ends_in.as_millis().div_ceil(1_000).to_string();
                let error = error.header("retry-after", seconds);
                limits(window).into_iter().fold(error, |error, (name, value)| error.header(name, value))
            }
        }
    }
}

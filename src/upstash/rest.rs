//! Upstash's REST API: one POST to `/pipeline` a request.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;

use super::UpstashError;
use super::reply::Item;
use crate::config::UpstashConfig;

/// The header by which a replica is told what must already be seen.
const SYNC_TOKEN: &str = "upstash-sync-token";

/// The REST API of one database.
pub(super) struct Rest {
    http: reqwest::Client,
    pipeline_url: String,
    headers: HeaderMap,
    /// The token of the newest reply, so that a read after a write sees it on any replica.
    sync_token: Mutex<Option<HeaderValue>>,
}

impl Rest {
    /// # Errors
    /// [`UpstashError::Refused`] where the token cannot stand in a header.
    pub(super) fn new(config: &UpstashConfig, http: reqwest::Client) -> Result<Self, UpstashError> {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", config.token.expose()));
        let mut bearer = bearer.map_err(|_| UpstashError::Refused("the token cannot stand in a header".into()))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let pipeline_url = format!("{}/pipeline", config.url);
        Ok(Self { http, pipeline_url, headers, sync_token: Mutex::default() })
    }

    /// Sends one request and reads its results.
    pub(super) async fn send(
        &self,
        commands: &[Vec<Cow<'_, str>>],
        timeout: Duration,
    ) -> Result<Vec<Item>, UpstashError> {
        let body = serde_json::to_vec(commands).map_err(|error| UpstashError::Refused(error.to_string()))?;
        let mut request = self.http.post(&self.pipeline_url).headers(self.headers.clone()).body(body).timeout(timeout);
        if let Some(token) = self.sync_token().clone() {
            request = request.header(SYNC_TOKEN, token);
        }
        let response = request.send().await.map_err(|error| sent_or_not(&error))?;
        let status = response.status().as_u16();
        if let Some(token) = response.headers().get(SYNC_TOKEN) {
            *self.sync_token() = Some(token.clone());
        }
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await.map_err(|error| UpstashError::Unknown(without_url(&error)))?;
        read(status, retry_after.map(Duration::from_secs), &body)
    }

    fn sync_token(&self) -> std::sync::MutexGuard<'_, Option<HeaderValue>> {
        self.sync_token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads an answer by its status.
fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Result<Vec<Item>, UpstashError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    if status == 200 {
        // Looked at first: of what is passed over, the parser would not say that it is no text.
        let text = std::str::from_utf8(body).map_err(|_| UpstashError::Unknown("not UTF-8".into()))?;
        return serde_json::from_str(text)
            .map_err(|error| UpstashError::Unknown(format!("not a list of results: {error}")));
    }
    let said = serde_json::from_slice(body).map(|refusal: Refusal| refusal.error).ok();
    match (status, said) {
        (429, said) => {
            Err(UpstashError::Throttled { message: said.unwrap_or_else(|| "status 429".into()), retry_after })
        }
        (400..=499, Some(said)) => Err(UpstashError::of_redis(&said)),
        (400..=499, None) => Err(UpstashError::Refused(format!("status {status}"))),
        _ => Err(UpstashError::Unknown(format!("status {status}"))),
    }
}

/// Tells a connection that never was from a request that may have arrived.
fn sent_or_not(error: &reqwest::Error) -> UpstashError {
    if error.is_connect() {
        return UpstashError::NotSent(without_url(error));
    }
    UpstashError::Unknown(without_url(error))
}

/// Describes an HTTP error by its kind: the full text names the address.
fn without_url(error: &reqwest::Error) -> String {
    let what = match error {
        error if error.is_timeout() && error.is_connect() => "no connection in time",
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_body() || error.is_decode() => "the answer broke off",
        _ => "the connection broke",
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> UpstashError {
        read(status, None, body.as_bytes()).err().unwrap()
    }

    #[test]
    fn an_answer_is_judged_by_what_may_be_done_next() {
        assert!(matches!(error(500, "oops"), UpstashError::Unknown(_)));
        assert!(matches!(error(502, "<html>"), UpstashError::Unknown(_)));
        assert!(matches!(error(429, ""), UpstashError::Throttled { .. }));
        assert!(matches!(
            error(401, r#"{"error":"WRONGPASS invalid or missing auth token"}"#),
            UpstashError::Refused(_)
        ));
        assert!(matches!(
            error(400, r#"{"error":"ERR max requests limit exceeded."}"#),
            UpstashError::Throttled { .. }
        ));
        assert!(matches!(error(200, "[{"), UpstashError::Unknown(_)));
        assert!(matches!(read(200, None, b"[{\"result\":1,\"more\":\"\xd3\"}]"), Err(UpstashError::Unknown(_))));
        assert_eq!(read(200, None, br#"[{"result":null},{"error":"ERR x"}]"#).unwrap().len(), 2);
    }
}

//! The client: one POST to `/pipeline` a call.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;

use super::script::Call;
use super::{Reply, ScriptCall, UpstashError, retry};
use crate::config::UpstashConfig;
use crate::measures::Measures;

/// The header by which a replica is told what must already be seen.
const SYNC_TOKEN: &str = "upstash-sync-token";

/// How long a call may take with all its tries, and each of them.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// All tries together.
    pub total: Duration,
    /// One try.
    pub per_try: Duration,
}

impl Patience {
    /// For a caller who waits: an answer, or a 503, within three seconds.
    pub const REQUEST: Self = Self { total: Duration::from_millis(2_700), per_try: Duration::from_millis(1_300) };

    /// For a processor with results in hand: losing them means work done twice.
    pub const SETTLE: Self = Self { total: Duration::from_secs(5), per_try: Duration::from_millis(2_400) };
}

/// A client of one database. Cheap to clone; clones share connections and what they have seen.
#[derive(Clone)]
pub struct Upstash {
    shared: Arc<Shared>,
}

struct Shared {
    http: reqwest::Client,
    pipeline_url: String,
    headers: HeaderMap,
    measures: Measures,
    /// The token of the newest reply, so that a read after a write sees it on any replica.
    sync_token: Mutex<Option<HeaderValue>>,
}

/// One command's result or error.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    result: Option<Reply>,
    #[serde(default)]
    error: Option<String>,
}

impl Upstash {
    /// Makes a client that calls over `http`.
    ///
    /// # Errors
    /// [`UpstashError::Refused`] where the token cannot stand in a header.
    pub fn new(config: &UpstashConfig, http: reqwest::Client) -> Result<Self, UpstashError> {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", config.token.expose()));
        let mut bearer = bearer.map_err(|_| UpstashError::Refused("the token cannot stand in a header".into()))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let pipeline_url = format!("{}/pipeline", config.url);
        Ok(Self {
            shared: Arc::new(Shared {
                http,
                pipeline_url,
                headers,
                measures: Measures::default(),
                sync_token: Mutex::default(),
            }),
        })
    }

    /// Returns what this process measured and is still to be put into Redis.
    pub fn measures(&self) -> &Measures {
        &self.shared.measures
    }

    /// Runs one script, again where the answer was lost.
    pub async fn run(&self, patience: Patience, call: &ScriptCall<'_>) -> Result<Reply, UpstashError> {
        let mut replies = self.run_all(patience, |_| vec![call.clone()]).await?;
        replies.pop().ok_or_else(|| UpstashError::Unknown("the reply has no result".into()))
    }

    /// Runs the scripts that `calls` makes in one request, one after the other but not as one.
    ///
    /// Where no answer came, `calls` is asked again, with `true` once an earlier try may have been done.
    ///
    /// # Errors
    /// The first script's that has one; those after it may have been done.
    pub async fn run_all<'a>(
        &self,
        patience: Patience,
        calls: impl Fn(bool) -> Vec<ScriptCall<'a>>,
    ) -> Result<Vec<Reply>, UpstashError> {
        let deadline = Instant::now() + patience.total;
        let mut perhaps_done = false;
        let mut tries = 1;
        loop {
            let per_try = patience.per_try.min(deadline.saturating_duration_since(Instant::now()));
            let error = match self.try_once(&calls(perhaps_done), per_try).await {
                Ok(replies) => return Ok(replies),
                Err(error) => error,
            };
            self.shared.measures.add("upstash:errors", 1);
            perhaps_done |= matches!(error, UpstashError::Unknown(_));
            if !retry::again(&error, tries, deadline).await {
                return Err(error);
            }
            tries += 1;
        }
    }

    async fn try_once(&self, calls: &[ScriptCall<'_>], timeout: Duration) -> Result<Vec<Reply>, UpstashError> {
        let by_sha1: Vec<_> = calls.iter().map(|call| call.command(Call::BySha1)).collect();
        let mut items = self.post(&by_sha1, timeout).await?;
        let unknown = |item: &Item| item.error.as_ref().is_some_and(|error| error.starts_with("NOSCRIPT"));
        let missing: Vec<usize> = (0..items.len()).filter(|index| unknown(&items[*index])).collect();
        if !missing.is_empty() {
            let by_text: Vec<_> = missing.iter().map(|index| calls[*index].command(Call::ByText)).collect();
            for (index, item) in missing.into_iter().zip(self.post(&by_text, timeout).await?) {
                items[index] = item;
            }
        }
        items.into_iter().map(Item::into_reply).collect()
    }

    /// Sends one request and reads as many results as it has commands.
    async fn post(&self, commands: &[impl serde::Serialize], timeout: Duration) -> Result<Vec<Item>, UpstashError> {
        let body = serde_json::to_vec(commands).map_err(|error| UpstashError::Refused(error.to_string()))?;
        let mut request = self
            .shared
            .http
            .post(&self.shared.pipeline_url)
            .headers(self.shared.headers.clone())
            .body(body)
            .timeout(timeout);
        if let Some(token) = self.sync_token().clone() {
            request = request.header(SYNC_TOKEN, token);
        }
        self.shared.measures.add("upstash:calls", 1);
        self.shared.measures.add("upstash:scripts", commands.len() as u64);
        let response = request.send().await.map_err(|error| sent_or_not(&error))?;
        let status = response.status().as_u16();
        if let Some(token) = response.headers().get(SYNC_TOKEN) {
            *self.sync_token() = Some(token.clone());
        }
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await.map_err(|error| UpstashError::Unknown(without_url(&error)))?;
        let items = read(status, retry_after.map(Duration::from_secs), &body)?;
        if items.len() != commands.len() {
            return Err(UpstashError::Unknown(format!("{} results for {} commands", items.len(), commands.len())));
        }
        Ok(items)
    }

    fn sync_token(&self) -> std::sync::MutexGuard<'_, Option<HeaderValue>> {
        self.shared.sync_token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Item {
    fn into_reply(self) -> Result<Reply, UpstashError> {
        match self.error {
            Some(error) => Err(UpstashError::of_redis(&error)),
            None => Ok(self.result.unwrap_or(Reply::Null)),
        }
    }
}

/// Reads an answer by its status.
fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Result<Vec<Item>, UpstashError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    if status == 200 {
        return serde_json::from_slice(body)
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

impl fmt::Debug for Upstash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstash").finish_non_exhaustive()
    }
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
        assert_eq!(read(200, None, br#"[{"result":null},{"error":"ERR x"}]"#).unwrap().len(), 2);
    }
}

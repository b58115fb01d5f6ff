//! A caller of the routes who does not give up, and writes down what was accepted.

use std::time::Duration;

use fastrand::Rng;
use http::Method;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::evidence::Accepted;
use crate::shared::Shared;
use crate::{client, clock, fault};

/// How long a caller tries. Chosen: longer than any outage of a run.
const TRIES: Duration = Duration::from_mins(4);

/// A caller; copies share what was accepted.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    http: reqwest::Client,
    site: String,
    /// Every job that was accepted.
    pub(super) accepted: Shared<Vec<Accepted>>,
    /// Escrows that were created.
    pub(super) escrows: Shared<Vec<String>>,
    /// How long each answer took, in ms, and when it came.
    pub(super) took: Shared<Vec<(i64, u64)>>,
    rude: bool,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) bearer: &'static str,
    pub(super) key: String,
    pub(super) body: String,
}

impl Ask {
    pub(super) fn post(path: &str, bearer: &'static str, key: String, body: &Value) -> Self {
        Self { method: Method::POST, path: path.to_owned(), bearer, key, body: body.to_string() }
    }
}

impl Caller {
    /// A caller of this site. One that is `rude` hangs up, and sends requests twice.
    pub(super) fn new(site: String, rude: bool) -> Self {
        let http = client::plain(Duration::from_secs(15));
        let (accepted, escrows, took) = (Shared::default(), Shared::default(), Shared::default());
        Self { http, site, accepted, escrows, took, rude }
    }

    /// Sends a request until it has an answer that is the last word; nothing where there was none in time.
    pub(super) async fn insist(&self, rng: &mut Rng, ask: &Ask) -> Option<(u16, Value)> {
        let started = Instant::now();
        while started.elapsed() < TRIES {
            let sent = Instant::now();
            let answer = match (self.rude, rng.u32(..40)) {
                (true, 0) => timeout(Duration::from_millis(rng.u64(1..80)), self.send(ask)).await.ok().flatten(),
                (true, 1) => {
                    let (first, second) = tokio::join!(self.send(ask), self.send(ask));
                    first.filter(is_final).or(second)
                }
                _ => self.send(ask).await,
            };
            if let Some((status, body)) = answer.filter(is_final) {
                let ms = u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.took.lock().push((clock::now_ms(), ms));
                return Some((status, body));
            }
            fault::pause(rng.u64(50..400)).await;
        }
        None
    }

    async fn send(&self, ask: &Ask) -> Option<(u16, Value)> {
        let url = format!("{}{}", self.site, ask.path);
        let request = self.http.request(ask.method.clone(), url).bearer_auth(ask.bearer);
        let request = request.header("content-type", "application/json");
        let request = if ask.key.is_empty() { request } else { request.header("idempotency-key", &ask.key) };
        let answer = request.body(ask.body.clone()).send().await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

/// Whether nothing else will be said: not when the outcome is unknown, the first run is not over, or it shall be sent again.
fn is_final((status, body): &(u16, Value)) -> bool {
    !matches!(status, 202 | 429 | 500..) && body["retry"].is_null()
}

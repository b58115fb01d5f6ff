//! A partner's webhook endpoint: verifies what it gets, writes all of it down, answers as told.
//!
//! Signatures are checked by the `standardwebhooks` crate, which is not ours, five minutes either
//! way included. Every POST to any path counts as a delivery; one that does not verify is recorded
//! with the reason and answered with 401.

mod receive;
mod view;

use axum::Router;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::plan::Plan;
use crate::shared::Shared;

pub use receive::Received;

/// How the sink answers a delivery, instead of 200 for one that verifies and 401 for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Reply {
    /// With this status: 204, 410, 429, 500 ...
    Status {
        /// From 200 to 599.
        status: u16,
        /// What `Retry-After` says, if it is there.
        #[serde(default)]
        retry_after_secs: Option<u64>,
    },
    /// With 302 to this address.
    Redirect {
        /// What `Location` says.
        location: String,
    },
    /// As usual, this much later.
    Slow {
        /// How much later, in milliseconds.
        ms: u64,
    },
    /// Never.
    Hang,
    /// By closing the connection.
    Closed,
}

/// The endpoint and what it received; copies share both.
#[derive(Clone, Debug)]
pub struct WebhookSink {
    secrets: Shared<Vec<String>>,
    replies: Plan<Reply>,
    received: Shared<Vec<Received>>,
    count: watch::Sender<usize>,
}

impl WebhookSink {
    /// A sink that accepts signatures made with this secret, `whsec_` and base64.
    pub fn new(secret: &str) -> Self {
        Self {
            secrets: Shared::new(vec![secret.to_owned()]),
            replies: Plan::default(),
            received: Shared::default(),
            count: watch::Sender::new(0),
        }
    }

    /// The endpoint: takes a POST to any path.
    pub fn router(&self) -> Router {
        Router::new().fallback(post(receive::receive)).with_state(self.clone())
    }

    /// The page at `base`, the same as JSON at `base.json`, and the controls under `base`.
    pub fn pages(&self, base: &str) -> Router {
        view::pages(self, base)
    }

    /// Accepts signatures made with these secrets from now on: two while one is replaced.
    pub fn set_secrets(&self, secrets: Vec<String>) {
        *self.secrets.lock() = secrets;
    }

    /// How the next deliveries are answered.
    pub fn replies(&self) -> &Plan<Reply> {
        &self.replies
    }

    /// Every delivery so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    /// Waits until there are this many deliveries, and returns them all, oldest first.
    pub async fn wait_for(&self, deliveries: usize) -> Vec<Received> {
        let mut count = self.count.subscribe();
        // The sender lives as long as `self`, so there is always an answer.
        let _count = count.wait_for(|count| *count >= deliveries).await;
        self.received()
    }
}

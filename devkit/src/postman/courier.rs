//! The task that carries messages: first tries one after the other, later tries each on its own.

use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Delivery, DeliveryState, Message, RETRY_PAUSES, Sign, Try};
use crate::shared::Shared;
use crate::{client, clock};

/// How long one try may take. Chosen: a receiver under a debugger answers late, a dead one never.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);

/// A message, where it goes, and its place in the list of deliveries.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) index: usize,
    pub(super) url: String,
    pub(super) message: Message,
}

#[derive(Clone)]
pub(super) struct Courier {
    client: reqwest::Client,
    sign: Sign,
    deliveries: Shared<Vec<Delivery>>,
    under_way: watch::Sender<usize>,
}

impl Courier {
    pub(super) fn new(sign: Sign, deliveries: Shared<Vec<Delivery>>, under_way: watch::Sender<usize>) -> Self {
        Self { client: client::plain(TRY_TIMEOUT), sign, deliveries, under_way }
    }

    /// Carries errands until the postman and all its copies are gone.
    pub(super) async fn run(self, mut errands: mpsc::UnboundedReceiver<Errand>) {
        while let Some(errand) = errands.recv().await {
            if self.attempt(&errand).await {
                self.finish(&errand, DeliveryState::Delivered);
            } else {
                tokio::spawn(self.clone().keep_trying(errand));
            }
        }
    }

    async fn keep_trying(self, errand: Errand) {
        for pause in RETRY_PAUSES {
            sleep_until(Instant::now() + pause).await;
            if self.attempt(&errand).await {
                self.finish(&errand, DeliveryState::Delivered);
                return;
            }
        }
        tracing::warn!(event.id = %errand.message.id, url = %errand.url, "gave up on an event");
        self.finish(&errand, DeliveryState::GivenUp);
    }

    /// Tries once; true when the answer is 2xx.
    async fn attempt(&self, errand: &Errand) -> bool {
        let mut request = self
            .client
            .post(&errand.url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, "holdfast-devkit/1.0")
            .body(errand.message.body.clone());
        for (name, value) in (self.sign)(&errand.message, clock::now_secs()) {
            request = request.header(name, value);
        }
        let (accepted, answer) = match request.send().await {
            Ok(response) => (response.status().is_success(), response.status().as_u16().to_string()),
            Err(error) => (false, root_cause(&error)),
        };
        if let Some(delivery) = self.deliveries.lock().get_mut(errand.index) {
            delivery.tries.push(Try { at_ms: clock::now_ms(), answer });
        }
        accepted
    }

    fn finish(&self, errand: &Errand, state: DeliveryState) {
        if let Some(delivery) = self.deliveries.lock().get_mut(errand.index) {
            delivery.state = state;
        }
        self.under_way.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// What a person wants to know of a failed request: its innermost cause.
fn root_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root_cause)
}

//! Signed events to one URL, as a payment or mail service sends them.
//!
//! Each event is posted in the order it happened and again after each failure, with pauses, until
//! an answer is 2xx or the tries are used up. On request it is held back, turned around, sent
//! twice or sent again: receivers are promised no more than that by the services played here.

pub(crate) mod controls;
mod courier;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::shared::Shared;

/// Pauses between the tries of one event. Chosen: short, so that a test or a person sees the retry.
pub const RETRY_PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(10)];

/// An event as it is posted.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) body: Bytes,
}

/// The headers that sign a message sent at a time, in seconds since 1970.
pub(crate) type Sign = Arc<dyn Fn(&Message, i64) -> Vec<(&'static str, String)> + Send + Sync>;

/// One event on its way to one URL.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The event's id.
    pub event_id: String,
    /// The event's type, such as `charge.refunded`.
    pub kind: String,
    /// Where it goes.
    pub url: String,
    /// The tries so far, oldest first.
    pub tries: Vec<Try>,
    /// How it stands.
    pub state: DeliveryState,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried, or to be tried again.
    Pending,
    /// Answered with a 2xx.
    Delivered,
    /// Every try failed.
    GivenUp,
}

/// One try of a delivery.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Try {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The status answered, or why there was none.
    pub answer: String,
}

/// In which order held events are released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they happened.
    #[default]
    AsHappened,
    /// The last one first.
    Reversed,
}

/// Where events are handed in.
#[derive(Clone, Debug)]
pub struct Postman {
    desk: Shared<Desk>,
    deliveries: Shared<Vec<Delivery>>,
    to_courier: mpsc::UnboundedSender<courier::Errand>,
    under_way: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Desk {
    url: Option<String>,
    held: Option<Vec<Message>>,
    twice: bool,
}

impl Postman {
    /// A postman for the URL, or one that only waits to be told where to.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn new(url: Option<String>, sign: Sign) -> Self {
        let (to_courier, errands) = mpsc::unbounded_channel();
        let deliveries = Shared::new(Vec::new());
        let under_way = watch::Sender::new(0);
        tokio::spawn(courier::Courier::new(sign, deliveries.clone(), under_way.clone()).run(errands));
        let desk = Shared::new(Desk { url, ..Desk::default() });
        Self { desk, deliveries, to_courier, under_way }
    }

    /// Sends later events to this URL; with `None`, nowhere.
    pub fn set_url(&self, url: Option<String>) {
        self.desk.lock().url = url;
    }

    /// Keeps later events until [`release`](Self::release).
    pub fn hold(&self) {
        self.desk.lock().held.get_or_insert_default();
    }

    /// Sends the events held and holds no more; says how many there were.
    pub fn release(&self, order: Order) -> usize {
        let mut held = self.desk.lock().held.take().unwrap_or_default();
        if order == Order::Reversed {
            held.reverse();
        }
        for message in &held {
            self.send(message);
        }
        held.len()
    }

    /// Sends each later event twice, or once again.
    pub fn set_twice(&self, twice: bool) {
        self.desk.lock().twice = twice;
    }

    /// Every delivery so far, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.lock().clone()
    }

    /// Returns once no delivery is pending; events held are not waited for.
    pub async fn idle(&self) {
        let mut under_way = self.under_way.subscribe();
        // The sender lives as long as `self`, so there is always an answer.
        let _count = under_way.wait_for(|count| *count == 0).await;
    }

    /// Takes an event in: it is sent, held or doubled as asked.
    pub(crate) fn post(&self, message: Message) {
        let mut desk = self.desk.lock();
        if let Some(held) = &mut desk.held {
            held.push(message);
            return;
        }
        let twice = desk.twice;
        drop(desk);
        self.send(&message);
        if twice {
            self.send(&message);
        }
    }

    /// Sends the message now, held or not.
    pub(crate) fn send(&self, message: &Message) {
        let Some(url) = self.desk.lock().url.clone() else {
            return;
        };
        let mut deliveries = self.deliveries.lock();
        let index = deliveries.len();
        deliveries.push(Delivery {
            event_id: message.id.clone(),
            kind: message.kind.clone(),
            url: url.clone(),
            tries: Vec::new(),
            state: DeliveryState::Pending,
        });
        self.under_way.send_modify(|count| *count += 1);
        // Fails only when the runtime is being torn down, with nobody left to tell.
        let _sent = self.to_courier.send(courier::Errand { index, url, message: message.clone() });
    }
}

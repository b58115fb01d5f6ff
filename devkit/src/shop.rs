//! An example shop: takes one escrow through its life in a browser, with nothing but the API's own routes.
//!
//! It is a partner's server as one would write it: an API key, an idempotency key for each press of a button (in the form, so that a
//! double click is one request), and pages made of the answers. Beside them it shows what the stand-ins saw: the capture, the mails, the
//! webhooks. Paying is the buyer's part: what Stripe's page does with the client secret, the sandbox does for the test card that is chosen.

mod api;
mod pages;
mod rows;

use axum::Router;

use crate::mail::Outbox;
use crate::shared::Shared;
use crate::webhooks::WebhookSink;
use api::{Api, Call};

/// The shop; copies share what it remembers.
#[derive(Clone, Debug)]
pub struct Shop {
    api: Api,
    outbox: Outbox,
    webhooks: WebhookSink,
    orders: Shared<Vec<Order>>,
}

/// An order: its escrow, and the calls that were made for it.
#[derive(Clone, Debug)]
struct Order {
    escrow_id: String,
    calls: Vec<Call>,
}

/// Orders that are remembered. Chosen: what a person makes in a day.
const MAX_ORDERS: usize = 200;

impl Shop {
    /// A shop on the routes at `site`, whose payments are made at `stripe` with its secret key.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(
        site: &str,
        stripe: (&str, &str),
        outbox: Outbox,
        webhooks: WebhookSink,
    ) -> Result<Self, holdfast::outbound::OutboundError> {
        let api = Api::new(site, stripe)?;
        Ok(Self { api, outbox, webhooks, orders: Shared::default() })
    }

    /// The pages under `base`.
    pub fn pages(&self, base: &str) -> Router {
        pages::router(self, base)
    }

    /// Keeps a call that was made for an escrow, the first of which makes the order.
    fn remember(&self, escrow_id: &str, call: Call) {
        let mut orders = self.orders.lock();
        if let Some(order) = orders.iter_mut().find(|order| order.escrow_id == escrow_id) {
            order.calls.push(call);
            return;
        }
        let surplus = (orders.len() + 1).saturating_sub(MAX_ORDERS);
        orders.drain(..surplus);
        orders.push(Order { escrow_id: escrow_id.to_owned(), calls: vec![call] });
    }

    /// The calls made for an escrow, oldest first.
    fn calls(&self, escrow_id: &str) -> Vec<Call> {
        let orders = self.orders.lock();
        orders.iter().find(|order| order.escrow_id == escrow_id).map(|order| order.calls.clone()).unwrap_or_default()
    }

    /// The escrows of the orders, newest first.
    fn escrows(&self) -> Vec<String> {
        self.orders.lock().iter().rev().map(|order| order.escrow_id.clone()).collect()
    }
}

//! A strict Stripe sandbox, in memory: payments held, captured, cancelled and refunded.
//!
//! It takes what Stripe takes and refuses what Stripe refuses, in Stripe's words: unknown
//! parameters, captures beyond what is held, refunds beyond what is left, an idempotency key used
//! for something else. It counts every capture and refund itself ([`StripeSandbox::ledger`]), tells
//! of each change by signed events, and misbehaves on request.
//!
//! Two habits of Stripe's that surprise: since its API's version 2025-03-31.basil a capture in part
//! or a cancellation refunds nothing, so that neither `amount_refunded` nor `charge.refunded` tells
//! of it; and with neither `payment_method_types` nor `automatic_payment_methods`, confirming asks
//! for a `return_url`.
//!
//! Left out: customers, setup, transfers, payment methods other than the test cards.

mod auth;
mod call;
mod capture;
mod card;
mod confirm;
mod controls;
mod currency;
mod disputes;
mod error;
mod event;
mod form;
mod intents;
mod lists;
mod model;
mod pages;
mod params;
mod refunds;
mod route;
mod rows;
mod run;
mod store;
mod view;

use std::collections::BTreeMap;

use axum::Router;
use serde_json::Value;

use crate::fault::Faults;
use crate::journal::{CallRecord, Journal};
use crate::keys::Keys;
use crate::postman::Postman;
use crate::shared::Shared;

pub use event::API_VERSION;
pub use model::{DisputeOutcome, LedgerEntry};

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct StripeOptions {
    /// The key callers present, as Bearer or as the name in Basic.
    pub secret_key: String,
    /// Signs the events; used as it is, `whsec_` included.
    pub webhook_secret: String,
    /// Where events go; nowhere when `None`, until [`Postman::set_url`].
    pub events_url: Option<String>,
}

impl Default for StripeOptions {
    /// The key `sk_test_dev`, a fixed secret, no events.
    fn default() -> Self {
        Self { secret_key: "sk_test_dev".to_owned(), webhook_secret: "whsec_dev_stripe".to_owned(), events_url: None }
    }
}

/// The sandbox; copies share its state.
#[derive(Clone, Debug)]
pub struct StripeSandbox {
    secret_key: String,
    store: Shared<store::Store>,
    keys: Keys<run::Answer>,
    faults: Faults,
    journal: Journal,
    postman: Postman,
}

impl StripeSandbox {
    /// A sandbox with nothing in it.
    ///
    /// # Panics
    /// Outside a Tokio runtime: events leave from a task.
    pub fn new(options: StripeOptions) -> Self {
        Self {
            secret_key: options.secret_key,
            store: Shared::default(),
            keys: Keys::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            postman: Postman::new(options.events_url, event::signer(options.webhook_secret)),
        }
    }

    /// Stripe's API, under `/v1`.
    pub fn router(&self) -> Router {
        Router::new().fallback(call::answer).with_state(self.clone())
    }

    /// The page at `base`, the same as JSON at `base.json`, and the controls under `base/control`.
    pub fn pages(&self, base: &str) -> Router {
        pages::router(self, base)
    }

    /// What was done to each payment, by its id.
    pub fn ledger(&self) -> BTreeMap<String, LedgerEntry> {
        self.store.lock().intents.newest_first().map(|intent| (intent.id.clone(), intent.ledger)).collect()
    }

    /// What was done to one payment; all zero for one there is not.
    pub fn ledger_of(&self, payment_intent: &str) -> LedgerEntry {
        self.store.lock().intents.get(payment_intent).map(|intent| intent.ledger).unwrap_or_default()
    }

    /// Every call to the API, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.journal.calls()
    }

    /// What the next calls meet.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Who carries the events.
    pub fn events(&self) -> &Postman {
        &self.postman
    }

    /// Sends an event once more, held or not; false when there is none with this id.
    pub fn resend_event(&self, event_id: &str) -> bool {
        let store = self.store.lock();
        let Some(event) = store.events.get(event_id) else {
            return false;
        };
        let message = event::message(event_id, event["type"].as_str().unwrap_or_default(), event);
        drop(store);
        self.postman.send(&message);
        true
    }

    /// Lets an authorisation run out, as after seven days: the payment is cancelled with the reason
    /// `expired`. False when nothing is held.
    pub fn expire(&self, payment_intent: &str) -> bool {
        self.by_itself(|store| capture::expire(store, payment_intent))
    }

    /// Lets the customer authenticate, or fail to; false when they were not asked.
    pub fn authenticate(&self, payment_intent: &str, succeeds: bool) -> bool {
        self.by_itself(|store| confirm::authenticate(store, payment_intent, succeeds))
    }

    /// Lets the customer dispute a charge; the dispute's id, or `None` when nothing was captured or
    /// there is a dispute.
    pub fn open_dispute(&self, charge: &str) -> Option<String> {
        self.by_itself(|store| disputes::open(store, charge))
    }

    /// Ends a dispute; false when it has ended or is not known.
    pub fn close_dispute(&self, dispute: &str, outcome: DisputeOutcome) -> bool {
        self.by_itself(|store| disputes::close(store, dispute, outcome))
    }

    /// Lets a refund fail after it was answered; false when it has failed or is not known.
    pub fn fail_refund(&self, refund: &str) -> bool {
        self.by_itself(|store| refunds::fail(store, refund))
    }

    /// Lets a pending refund arrive; false when it is not pending.
    pub fn complete_refund(&self, refund: &str) -> bool {
        self.by_itself(|store| refunds::complete(store, refund))
    }

    /// Forgets the idempotency keys, as Stripe may after 24 hours.
    pub fn forget_idempotency_keys(&self) {
        self.keys.clear();
    }

    /// Every event so far, oldest first, as Stripe's API shows it.
    pub fn event_log(&self) -> Vec<Value> {
        let mut all: Vec<Value> = self.store.lock().events.newest_first().cloned().collect();
        all.reverse();
        all
    }

    fn by_itself<T>(&self, change: impl FnOnce(&mut store::Store) -> T) -> T {
        self.change(store::Cause::default(), change)
    }

    /// Changes the store on behalf of a call and sends the events of the change.
    fn change<T>(&self, cause: store::Cause, change: impl FnOnce(&mut store::Store) -> T) -> T {
        let mut store = self.store.lock();
        store.cause = cause;
        let done = change(&mut store);
        // Under the lock, so that events leave in the order of the changes.
        for message in store.take_unsent() {
            self.postman.post(message);
        }
        done
    }
}

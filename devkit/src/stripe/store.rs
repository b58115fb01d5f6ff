//! The sandbox's objects and events, changed by one call at a time.

use std::collections::{BTreeMap, HashMap};

use http::StatusCode;
use serde_json::Value;

use super::error::StripeError;
use super::model::{Charge, Dispute, Intent, PaymentMethod, Refund};
use super::{event, view};
use crate::postman::Message;

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) intents: Shelf<Intent>,
    pub(super) charges: Shelf<Charge>,
    pub(super) refunds: Shelf<Refund>,
    pub(super) disputes: Shelf<Dispute>,
    pub(super) payment_methods: BTreeMap<String, PaymentMethod>,
    pub(super) events: Shelf<Value>,
    /// Events not handed to the postman yet.
    unsent: Vec<Message>,
    /// Which call changes the store now; its events name it.
    pub(super) cause: Cause,
}

/// The call behind a change; empty for what the sandbox does by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Cause {
    pub(super) request_id: Option<String>,
    pub(super) idempotency_key: Option<String>,
}

impl Store {
    pub(super) fn intent(&self, id: &str) -> Result<&Intent, StripeError> {
        self.intents.get(id).ok_or_else(|| StripeError::no_such(StatusCode::NOT_FOUND, "payment_intent", id, "intent"))
    }

    pub(super) fn emit_intent(&mut self, kind: &str, id: &str) {
        if let Some(object) = self.intents.get(id).map(view::intent) {
            self.emit(kind, &object);
        }
    }

    pub(super) fn emit_charge(&mut self, kind: &str, id: &str) {
        if let Some(object) = self.charges.get(id).map(view::charge) {
            self.emit(kind, &object);
        }
    }

    pub(super) fn emit_refund(&mut self, kind: &str, id: &str) {
        if let Some(object) = self.refunds.get(id).map(view::refund) {
            self.emit(kind, &object);
        }
    }

    pub(super) fn emit_dispute(&mut self, kind: &str, id: &str) {
        if let Some(object) = self.disputes.get(id).map(view::dispute) {
            self.emit(kind, &object);
        }
    }

    fn emit(&mut self, kind: &str, object: &Value) {
        let (id, event) = event::document(kind, object, &self.cause);
        self.unsent.push(event::message(&id, kind, &event));
        self.events.put(&id, event);
    }

    /// The events since the last time, for the postman.
    pub(super) fn take_unsent(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.unsent)
    }
}

/// Objects by id, in the order they were made.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    places: HashMap<String, usize>,
    items: Vec<(String, T)>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { places: HashMap::new(), items: Vec::new() }
    }
}

impl<T> Shelf<T> {
    pub(super) fn put(&mut self, id: &str, item: T) {
        self.places.insert(id.to_owned(), self.items.len());
        self.items.push((id.to_owned(), item));
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).map(|place| &self.items[*place].1)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.places.get(id).map(|place| &mut self.items[*place].1)
    }

    /// Newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &T> {
        self.items.iter().rev().map(|(_, item)| item)
    }

    /// Newest first, from the one after this id on; from the newest when there is none.
    pub(super) fn after(&self, id: Option<&str>) -> Option<impl Iterator<Item = &T>> {
        let end = match id {
            Some(id) => *self.places.get(id)?,
            None => self.items.len(),
        };
        Some(self.items[..end].iter().rev().map(|(_, item)| item))
    }
}

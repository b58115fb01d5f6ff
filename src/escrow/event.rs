//! Stripe's events: hints that something happened. What counts is the object they carry, or a look at Stripe.
//!
//! Facts only grow, so events may come in any order, late and twice. The same event is taken in once; one that told nothing new is
//! not marked, and tells nothing new the next time either.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Escrows;
use super::jobs::Origin;
use super::seen::{disputed, payment, refunds};
use super::settle::Told;
use crate::config::ConfigError;
use crate::domain::escrow::{Seen, State};
use crate::domain::id::EscrowId;
use crate::domain::outcome::Failure;
use crate::stripe::{ESCROW_ID, Intent};
use crate::upstash::UpstashError;

/// Stripe's code for an object that there is not.
const MISSING: &str = "resource_missing";

/// An event, as far as it is read.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// Stripe's id, `evt_...`.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Box<RawValue>,
}

/// Shows nothing of the object, which holds addresses and the payment's secret.
impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data").finish_non_exhaustive()
    }
}

/// A refund, a charge or a dispute.
#[derive(Debug, Deserialize)]
struct Part {
    id: String,
    #[serde(default)]
    amount: i64,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenIn {
    /// It moved its escrow.
    Applied,
    /// It told nothing new.
    NothingNew,
    /// It was taken in before.
    Duplicate,
    /// It is about no escrow of ours.
    NotOurs,
}

/// Why an event was not taken in; Stripe will send it again.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Its object is not of the expected form.
    #[error("the event's object cannot be read")]
    Unreadable,
    /// Stripe is not configured.
    #[error(transparent)]
    NotConfigured(#[from] ConfigError),
    /// Stripe could not be asked.
    #[error(transparent)]
    Stripe(#[from] Failure),
    /// Redis could not be reached.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

impl Escrows {
    /// Takes an event in, whose signature was verified.
    pub async fn take_in(&self, event: &Event, origin: Origin<'_>) -> Result<TakenIn, EventError> {
        let Some((intent, mut seen)) = self.told_by(event).await? else {
            return Ok(TakenIn::NotOurs);
        };
        let id = intent.metadata.as_ref().and_then(|all| all.get(ESCROW_ID)).map(EscrowId::parse);
        let Some(Ok(id)) = id else {
            return Ok(TakenIn::NotOurs);
        };
        let (Some(escrow), seen_before) = self.read(&id, Some(&event.id)).await? else {
            return Ok(TakenIn::NotOurs);
        };
        if seen_before {
            return Ok(TakenIn::Duplicate);
        }
        // An event's intent does not say when the authorisation ends: the charge is only named in it.
        let intent = if event.kind == "payment_intent.amount_capturable_updated" && escrow.state == State::Created {
            self.look_at(&intent.id).await?
        } else {
            intent
        };
        seen.insert(0, payment(&intent));
        let told = Told { seen: &seen, by: "stripe", asker: None, event: Some(&event.id), origin };
        let settled = self.settle(escrow, &told).await?;
        Ok(if settled.moved { TakenIn::Applied } else { TakenIn::NothingNew })
    }

    /// Returns the payment an event is about, and what else it tells; nothing where it is about none of ours.
    async fn told_by(&self, event: &Event) -> Result<Option<(Intent, Vec<Seen>)>, EventError> {
        Ok(match event.kind.as_str() {
            kind if kind.starts_with("payment_intent.") => {
                self.intent_of(event).await?.map(|intent| (intent, Vec::new()))
            }
            "charge.refunded" | "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
                let Some(id) = read::<Part>(event)?.payment_intent else { return Ok(None) };
                let Some(intent) = self.find(&id).await? else { return Ok(None) };
                Some((intent, refunds(self.stripe.as_ref().map_err(Clone::clone)?, &id).await?))
            }
            kind if kind.starts_with("charge.dispute.") => {
                let part = read::<Part>(event)?;
                let Some(id) = part.payment_intent else { return Ok(None) };
                let status = part.status.unwrap_or_default();
                let seen = disputed(&part.id, part.amount, &status).into_iter().collect();
                self.find(&id).await?.map(|intent| (intent, seen))
            }
            _ => None,
        })
    }

    /// Reads the intent an event is about. An endpoint has an API version of its own, and its events the form of that version: what is not
    /// complete in ours is asked for.
    async fn intent_of(&self, event: &Event) -> Result<Option<Intent>, EventError> {
        match read::<Intent>(event) {
            Ok(intent) => Ok(Some(intent)),
            Err(_) => self.find(&read::<Part>(event)?.id).await,
        }
    }

    /// Looks at a payment; nothing where our key's account has no such one: the event is of another account or mode.
    async fn find(&self, intent: &str) -> Result<Option<Intent>, EventError> {
        let stripe = self.stripe.as_ref().map_err(Clone::clone)?;
        match Intent::read(stripe, intent).await {
            Ok(intent) => Ok(Some(intent)),
            Err(error) if error.status == Some(404) && error.code.as_deref() == Some(MISSING) => {
                tracing::warn!(error = %error, "an event is about a payment that the account of our key does not have");
                Ok(None)
            }
            Err(error) => Err(Failure::from(error).into()),
        }
    }

    async fn look_at(&self, intent: &str) -> Result<Intent, EventError> {
        let stripe = self.stripe.as_ref().map_err(Clone::clone)?;
        Ok(Intent::read(stripe, intent).await.map_err(Failure::from)?)
    }
}

fn read<T: for<'de> Deserialize<'de>>(event: &Event) -> Result<T, EventError> {
    serde_json::from_str(event.data.object.get()).map_err(|_| EventError::Unreadable)
}

//! `finish`: what a fallback job does: it brings an operation to its end where nobody else did.

use super::Escrows;
use super::jobs::Origin;
use super::seen::look;
use super::settle::Told;
use crate::domain::escrow::{Escrow, Seen};
use crate::domain::id::EscrowId;
use crate::domain::outcome::{Failure, FailureKind};
use crate::upstash::UpstashError;

/// What became of an operation that was to be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It has ended, by this run or before.
    Ended,
    /// It has not; another attempt may end it.
    Failed(Failure),
    /// There is no such escrow here: the job is another producer's.
    UnknownEscrow,
}

/// What a job at Stripe about an escrow falls back for.
#[derive(Clone, Copy, Debug)]
pub struct Fallback<'a> {
    /// Whether it captures; else it gives back.
    pub captures: bool,
    /// The operation's idempotency key. A job of another producer has none, and is for what is under way.
    pub key: Option<&'a str>,
}

impl Fallback<'_> {
    /// Returns the key of the operation to finish; nothing where what the job asks for has happened.
    ///
    /// # Errors
    /// When it falls back for nothing: an escrow's money moves by the routes alone, which know its rules. Or when no operation ever had
    /// the key.
    fn key_in(self, escrow: &Escrow) -> Result<Option<String>, Failure> {
        let begun = escrow.pending.as_ref().filter(|pending| pending.captures() == self.captures);
        let (happened, route) = if self.captures {
            (escrow.payment.captured.is_some(), "/api/escrow/release")
        } else {
            (escrow.payment.is_settled() && escrow.amounts().released() == 0, "/api/escrow/refund")
        };
        let is_ours = |key: &str| key.strip_prefix(escrow.id.as_str()).is_some_and(|rest| rest.starts_with(':'));
        match (self.key, begun) {
            (Some(key), _) if key == escrow.expiry_key() || escrow.has_begun(key, self.captures) => {
                Ok(Some(key.to_owned()))
            }
            (Some(key), _) if is_ours(key) => {
                let what = if self.captures { "capture" } else { "refund" };
                let message = format!(
                    "no {what} of this escrow was begun under the job's idempotencyKey: use {route}, or leave the key out to \
                     finish what is under way"
                );
                Err(Failure::new(FailureKind::Rejected, message))
            }
            (None, Some(pending)) => Ok(Some(pending.key.clone())),
            (None, None) if happened => Ok(None),
            _ => {
                let message =
                    format!("no operation of this escrow is under way that the job could finish: use {route}");
                Err(Failure::new(FailureKind::Rejected, message))
            }
        }
    }
}

impl Escrows {
    /// Brings the operation that `fallback` is for to its end, in the trace of the request that began it.
    pub async fn finish(&self, id: &str, fallback: Fallback<'_>, origin: Origin<'_>) -> Finished {
        self.try_finish(id, fallback, origin).await.unwrap_or_else(Finished::Failed)
    }

    async fn try_finish(&self, id: &str, fallback: Fallback<'_>, origin: Origin<'_>) -> Result<Finished, Failure> {
        let Ok(id) = EscrowId::parse(id) else {
            return Ok(Finished::UnknownEscrow);
        };
        let Some(escrow) = self.get(&id).await.map_err(redis)? else {
            return Ok(Finished::UnknownEscrow);
        };
        let stripe = self.stripe.as_ref();
        let stripe = stripe.map_err(|error| Failure::new(FailureKind::Configuration, error.to_string()))?;
        let Some(key) = fallback.key_in(&escrow)? else {
            return Ok(Finished::Ended);
        };
        if key == escrow.expiry_key() {
            let Some(intent) = escrow.payment.intent_id.clone().filter(|_| !escrow.payment.is_settled()) else {
                return Ok(Finished::Ended);
            };
            let seen = look(stripe, &escrow, &intent).await?;
            let escrow = self.told(escrow, &seen, origin).await?;
            if escrow.payment.is_settled() {
                return Ok(Finished::Ended);
            }
            let message = "the authorisation should have run out, and Stripe still holds the money";
            return Err(Failure::new(FailureKind::Unavailable, message));
        }
        let is_pending = escrow.pending.as_ref().is_some_and(|pending| pending.key == key);
        if !is_pending {
            return Ok(Finished::Ended);
        }
        let seen = self.resume(stripe, &escrow).await?;
        let escrow = self.told(escrow, &seen, origin).await?;
        match escrow.pending {
            Some(pending) if pending.key == key => {
                Err(Failure::new(FailureKind::Unavailable, "the operation has not ended at Stripe"))
            }
            _ => Ok(Finished::Ended),
        }
    }

    async fn told(&self, escrow: Escrow, seen: &[Seen], origin: Origin<'_>) -> Result<Escrow, Failure> {
        let told = Told { seen, by: "fallback", asker: None, event: None, origin };
        Ok(self.settle(escrow, &told).await.map_err(redis)?.escrow)
    }
}

/// A call to Redis without a result: the job is tried again, and does nothing twice.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn redis(error: UpstashError) -> Failure {
    let kind = match error {
        UpstashError::Throttled { .. } => FailureKind::Throttled,
        UpstashError::NotSent(_) | UpstashError::Unknown(_) => FailureKind::Unavailable,
        UpstashError::Refused(_) => FailureKind::Configuration,
    };
    Failure::new(kind, error.to_string())
}

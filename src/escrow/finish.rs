//! `finish`: what a fallback job does: it brings an operation to its end where nobody else did.

use super::Escrows;
use super::jobs::Origin;
use super::seen::look;
use super::settle::Told;
use crate::domain::escrow::{Escrow, Operation, Seen};
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

impl Escrows {
    /// Brings the operation with the idempotency key `key` to its end, in the trace of the request that began it.
    pub async fn finish(&self, id: &str, key: Option<&str>, origin: Origin<'_>) -> Finished {
        self.try_finish(id, key, origin).await.unwrap_or_else(Finished::Failed)
    }

    async fn try_finish(&self, id: &str, key: Option<&str>, origin: Origin<'_>) -> Result<Finished, Failure> {
        let Ok(id) = EscrowId::parse(id) else {
            return Ok(Finished::UnknownEscrow);
        };
        let Some(escrow) = self.get(&id).await.map_err(redis)? else {
            return Ok(Finished::UnknownEscrow);
        };
        let stripe = self.stripe.as_ref();
        let stripe = stripe.map_err(|error| Failure::new(FailureKind::Configuration, error.to_string()))?;
        if key.is_some_and(|key| key == format!("{id}:{}", Operation::Expire)) {
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
        let is_pending = escrow.pending.as_ref().is_some_and(|pending| Some(pending.key.as_str()) == key);
        if !is_pending {
            return Ok(Finished::Ended);
        }
        let seen = self.resume(stripe, &escrow).await?;
        let escrow = self.told(escrow, &seen, origin).await?;
        match escrow.pending {
            Some(pending) if Some(pending.key.as_str()) == key => {
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

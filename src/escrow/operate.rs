//! An operation from its beginning to its end: write down, ask Stripe, write down.

use super::jobs::Origin;
use super::record::{Answer, RequestRecord};
use super::settle::{Asker, Told};
use super::transition::{Transition, Transitioned, Write};
use super::{Ending, Escrows, MAX_TRIES, odd};
use crate::config::ConfigError;
use crate::domain::escrow::{Asked, Command, Escrow, Refusal, Role, Seen};
use crate::domain::outcome::Failure;
use crate::stripe::Stripe;
use crate::upstash::UpstashError;

/// What a request asks for.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// Who asks.
    pub role: Role,
    /// The request.
    pub record: &'a RequestRecord,
    /// Makes the answer to it.
    pub render: &'a (dyn Fn(Ending<'_>) -> Answer + Sync),
    /// From where it comes.
    pub origin: Origin<'a>,
}

/// How a request ended.
#[derive(Debug)]
pub enum Done {
    /// It has its answer, which is kept.
    Answered(Answer),
    /// It is not known yet how it ends: the escrow as it is.
    Unknown(Box<Escrow>),
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another run of the same request is under way.
    #[error("another run of the same request is under way")]
    BegunBefore,
    /// The idempotency key was used for another request on this escrow.
    #[error("the idempotency key was used for another request on this escrow")]
    KeyReused,
    /// A creation whose payment Stripe might make a second time, if it were asked again.
    #[error("the creation began too long ago to be gone on with")]
    CreationLapsed,
    /// Stripe is not configured.
    #[error(transparent)]
    NotConfigured(#[from] ConfigError),
    /// Redis did not take it.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

impl Escrows {
    /// Does what `command` asks of `escrow`.
    ///
    /// # Guarantees
    /// Money moves at most once for a request, however often it is repeated. Once it was begun it is brought to an end: here, by its
    /// fallback, or by Stripe's event.
    ///
    /// # Errors
    /// When nothing was done; [`UpstashError::Unknown`] where it may have been begun, and no money was moved here.
    pub async fn operate(&self, escrow: Escrow, command: &Command, order: &Order<'_>) -> Result<Done, OperateError> {
        let stripe = self.stripe.as_ref().map_err(Clone::clone)?;
        let mut current = escrow;
        for _ in 0..MAX_TRIES {
            if let Some(done) = self.go_on(stripe, &current, command, order).await? {
                return Ok(done);
            }
            let now = self.clock.now();
            let request = Some(order.record.name.clone());
            let fingerprint = Some(order.record.fingerprint.clone());
            let asked = Asked { role: order.role, request, fingerprint, now, job: self.dice.job_id(now) };
            let mut begun = current.start(command, &asked)?;
            let jobs = self.jobs(Some(&current), &mut begun, order.origin);
            let answer = order.asker().answer_of(&begun);
            let write = Write::Begin(order.record, answer.as_ref());
            let transition = Transition { before: Some(&current), after: &begun, jobs: &jobs, write, event: None };
            match self.transition(&transition).await? {
                Transitioned::Done => {
                    if let Some(answer) = answer {
                        return Ok(Done::Answered(answer));
                    }
                    let seen = self.act(stripe, &begun).await;
                    return Ok(self.end(begun, seen, order).await);
                }
                Transitioned::Changed(Some(newer)) => current = *newer,
                Transitioned::Changed(None) => return Err(odd("it vanished").into()),
                Transitioned::BegunBefore => return Err(OperateError::BegunBefore),
            }
        }
        Err(odd("it changed faster than it could be written").into())
    }

    /// Goes on where an earlier run of the request ended, if there was one.
    async fn go_on(
        &self,
        stripe: &Stripe,
        escrow: &Escrow,
        command: &Command,
        order: &Order<'_>,
    ) -> Result<Option<Done>, OperateError> {
        let name = order.record.name.as_str();
        // The escrow remembers its requests for longer than their records last.
        if escrow.was_asked_otherwise(name, command.operation(), &order.record.fingerprint) {
            return Err(OperateError::KeyReused);
        }
        if let Some(answer) = order.asker().answer_of(escrow) {
            self.answer(order.record, Some(&answer)).await?;
            return Ok(Some(Done::Answered(answer)));
        }
        let begun = escrow.pending.as_ref().is_some_and(|pending| pending.request.as_deref() == Some(name));
        if !begun {
            return Ok(None);
        }
        let seen = self.resume(stripe, escrow).await;
        Ok(Some(self.end(escrow.clone(), seen, order).await))
    }

    /// Writes the end down. From here on nothing can fail for the caller: what is not known is finished by others.
    pub(super) async fn end(&self, escrow: Escrow, seen: Result<Vec<Seen>, Failure>, order: &Order<'_>) -> Done {
        let unknown = |escrow| Done::Unknown(Box::new(escrow));
        let seen = match seen {
            Ok(seen) => seen,
            Err(failure) => {
                tracing::warn!(escrow.id = %escrow.id, error = %failure, "the outcome of a call to Stripe is not known yet");
                if let Err(error) = self.answer(order.record, None).await {
                    tracing::warn!(escrow.id = %escrow.id, %error, "a request's record could not be left open");
                }
                return unknown(escrow);
            }
        };
        let told = Told {
            seen: &seen,
            by: order.role.as_str(),
            asker: Some(order.asker()),
            event: None,
            origin: order.origin,
        };
        match self.settle(escrow.clone(), &told).await {
            Ok(settled) => settled.answer.map_or_else(|| unknown(settled.escrow), Done::Answered),
            Err(error) => {
                tracing::error!(escrow.id = %escrow.id, %error, "what Stripe did could not be written; the fallback will");
                unknown(escrow)
            }
        }
    }
}

impl<'a> Order<'a> {
    pub(super) fn asker(&self) -> Asker<'a> {
        Asker { record: self.record, render: self.render }
    }
}

impl std::fmt::Debug for Order<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order").field("role", &self.role).field("record", &self.record).finish_non_exhaustive()
    }
}

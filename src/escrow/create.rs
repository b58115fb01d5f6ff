//! `create`: the escrow is written down before its payment is made, so that whoever comes later makes the same payment.

use std::time::Duration;

use super::operate::{Done, OperateError, Order};
use super::seen::{MADE_WITHIN, MAX_KEYS, failure, numbered, payment};
use super::transition::{Transition, Transitioned, Write};
use super::{Escrows, odd};
use crate::domain::escrow::{Escrow, NewEscrow, Seen};
use crate::domain::outcome::Failure;
use crate::stripe::{self, Intent, NewPayment, Stripe, StripeError};

/// How much before the escrow its payment may have been made, by Stripe's clock. Chosen: clocks of serverless functions are seconds apart.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);

/// How long after its beginning a creation may still ask Stripe for the payment. Stripe keeps an idempotency key for at least 24 hours
/// (its API reference, "Idempotent requests", November 2026), and without the key a repeat makes a second payment; an hour less for a
/// call that is on its way and for clocks that differ.
const MAKES_FOR: Duration = Duration::from_hours(23);

impl Escrows {
    /// Creates an escrow and its payment; with a payment method the payment is tried at once.
    pub async fn create(&self, wanted: NewEscrow, order: &Order<'_>) -> Result<Done, OperateError> {
        let stripe = self.stripe.as_ref().map_err(Clone::clone)?;
        let mut escrow = Escrow::new(wanted, self.clock.now());
        let jobs = self.jobs(None, &mut escrow, order.origin);
        let write = Write::Begin(order.record, None);
        let transition = Transition { before: None, after: &escrow, jobs: &jobs, write, event: None };
        match self.transition(&transition).await? {
            Transitioned::Done => {
                let seen = judge(&escrow, self.make(stripe, &escrow).await);
                Ok(self.end(escrow, seen, order).await)
            }
            Transitioned::BegunBefore => Err(OperateError::BegunBefore),
            Transitioned::Changed(_) => Err(odd("its id is taken").into()),
        }
    }

    /// Goes on where an earlier run of the request that created `escrow` ended.
    pub async fn go_on_creating(&self, escrow: Escrow, order: &Order<'_>) -> Result<Done, OperateError> {
        let stripe = self.stripe.as_ref().map_err(Clone::clone)?;
        if let Some(answer) = order.asker().answer_of(&escrow) {
            self.answer(order.record, Some(&answer)).await?;
            return Ok(Done::Answered(answer));
        }
        if self.clock.now().since(escrow.created_at) >= MAKES_FOR {
            return Err(OperateError::CreationLapsed);
        }
        let seen = match self.make(stripe, &escrow).await {
            // A refused key of ours says nothing of the first time, when it may have been another.
            Err(error) if matches!(error.status, Some(401 | 403)) => Err(error.failure),
            made => judge(&escrow, made),
        };
        Ok(self.end(escrow, seen, order).await)
    }

    /// Makes the payment. Where Stripe keeps a failure under the key, the payment that may be there all the same is looked for; once none
    /// can come of that call any more, it is made under the next key.
    async fn make(&self, stripe: &Stripe, escrow: &Escrow) -> Result<Intent, StripeError> {
        let since = escrow.created_at.minus(CLOCKS_DIFFER);
        let mut nth = 1;
        loop {
            let error = match ask(stripe, escrow, nth).await {
                Err(error) if error.is_kept && nth < MAX_KEYS => error,
                made => return made,
            };
            if let Some(intent) = Intent::find(stripe, escrow.id.as_str(), since).await? {
                return Ok(intent);
            }
            if self.clock.now().since(escrow.created_at) < MADE_WITHIN {
                return Err(error);
            }
            nth += 1;
        }
    }
}

/// Asks for the payment under the `nth` of the creation's keys. A repeat is answered with the payment of the first time.
async fn ask(stripe: &Stripe, escrow: &Escrow, nth: u32) -> Result<Intent, StripeError> {
    let wanted = NewPayment {
        escrow_id: escrow.id.as_str(),
        amount: escrow.amount,
        currency: escrow.currency.as_str(),
        description: escrow.description.as_deref(),
        payment_method: escrow.payment.method.as_deref(),
    };
    stripe.act(stripe::create_payment(&wanted), &numbered(&escrow.creation_key(), nth)).await
}

/// Says what was seen of it.
fn judge(escrow: &Escrow, made: Result<Intent, StripeError>) -> Result<Vec<Seen>, Failure> {
    match made {
        Ok(intent) => Ok(vec![payment(&intent)]),
        Err(error) if !error.is_final() => Err(error.failure),
        // The card was declined: the payment is there and waits for another.
        Err(error) => match error.intent.as_deref() {
            Some(intent) if !intent.id.is_empty() => {
                let Seen::Payment(mut seen) = payment(intent) else { return Ok(Vec::new()) };
                seen.failure = Some(failure(&error));
                Ok(vec![Seen::Payment(seen)])
            }
            _ => Ok(vec![Seen::Refused { key: escrow.creation_key(), failure: failure(&error) }]),
        },
    }
}

//! Stripe's side of an operation: acting, looking, and saying what was seen.

use std::time::Duration;

use super::Escrows;
use crate::domain::escrow::{
    Chargeback, ChargebackStatus, Escrow, Failure, PaymentSeen, PaymentStatus, Pending, RefundSeen, RefundStatus, Seen,
};
use crate::domain::outcome::Failure as CallFailure;
use crate::stripe::{self, Charge, IDEMPOTENCY_KEY, Intent, IntentStatus, Refund, Stripe, StripeError};

/// Keys that an operation has at Stripe, where it keeps a failure (5xx) under each before. Chosen: a call that failed there four times
/// needs a person, or the day after which Stripe forgets the first.
pub(super) const MAX_KEYS: u32 = 4;

/// How long after its beginning a refund or a payment that failed at Stripe is taken for not made where none is found. Chosen: Stripe
/// lists one as soon as it is made, and finishes what it failed at within minutes, if at all.
pub(super) const MADE_WITHIN: Duration = Duration::from_mins(10);

/// What Stripe calls the end of an authorisation by itself: since 2025-03-31.basil, and before. An event has the API version of its endpoint.
/// Stripe's changelog of that version, "Partially capturing or canceling payments no longer creates a Refund".
const RAN_OUT: [&str; 2] = ["expired", "automatic"];

impl Escrows {
    /// Has Stripe do what is pending.
    ///
    /// # Errors
    /// When it is not known whether Stripe did. A refusal is something seen.
    pub(super) async fn act(&self, stripe: &Stripe, escrow: &Escrow) -> Result<Vec<Seen>, CallFailure> {
        let Some(intent) = &escrow.payment.intent_id else {
            return Ok(Vec::new());
        };
        let (mut current, mut seen, mut nth) = (escrow.clone(), Vec::new(), 1);
        while let Some(pending) = &current.pending {
            let error = match ask(stripe, &current, pending, intent, nth).await {
                Ok(done) => {
                    seen.push(done);
                    return Ok(seen);
                }
                Err(error) => error,
            };
            let asks_anew = error.is_kept && nth < MAX_KEYS && self.is_over(&current, pending);
            if !(error.is_final() || asks_anew) {
                return Err(error.failure);
            }
            // What is there decides: another run may have done the same in between, and what failed at Stripe may have been done.
            match look(stripe, &current, intent).await {
                Ok(found) => seen.extend(found),
                Err(failure) if failure.kind.is_retryable() || !error.is_final() => return Err(failure),
                Err(_) => {}
            }
            if error.is_final() {
                seen.push(Seen::Refused { key: pending.key.clone(), failure: failure(&error) });
                return Ok(seen);
            }
            let next = escrow.observe(&seen, "", self.clock.now()).unwrap_or_else(|| current.clone());
            // Once it is captured, what is left to do is another request, with keys of its own.
            nth = if next.payment.captured == current.payment.captured { nth + 1 } else { 1 };
            current = next;
        }
        Ok(seen)
    }

    /// Tells whether a call that failed at Stripe has no effect that is still to be seen. A capture or a cancellation that comes late
    /// is refused to one of the two; of a refund there could be two.
    fn is_over(&self, escrow: &Escrow, pending: &Pending) -> bool {
        let refunds = !pending.captures() && escrow.payment.captured.is_some();
        !refunds || self.clock.now().since(pending.at) >= MADE_WITHIN
    }

    /// Looks what is there, and acts only where the operation has not ended: for whoever comes late.
    pub(super) async fn resume(&self, stripe: &Stripe, escrow: &Escrow) -> Result<Vec<Seen>, CallFailure> {
        let Some(intent) = &escrow.payment.intent_id else {
            return Ok(Vec::new());
        };
        let mut seen = look(stripe, escrow, intent).await?;
        let found = escrow.observe(&seen, "", self.clock.now());
        let found = found.as_ref().unwrap_or(escrow);
        if found.pending.is_some() {
            // What was seen may have been learnt before; `found` knows it in any case.
            seen.extend(self.act(stripe, found).await?);
        }
        Ok(seen)
    }
}

/// Asks Stripe for what is pending: a capture, a refund of what is captured, or a cancellation of what is held.
///
/// `nth` is which of the operation's keys it is asked with: the next where Stripe keeps a failure under the one before.
async fn ask(stripe: &Stripe, escrow: &Escrow, pending: &Pending, intent: &str, nth: u32) -> Result<Seen, StripeError> {
    if pending.captures() {
        let captured: Intent =
            stripe.act(stripe::capture(intent, pending.amount), &numbered(&pending.key, nth)).await?;
        return Ok(payment(&captured));
    }
    let Some(captured) = escrow.payment.captured else {
        let cancelled: Intent = stripe.act(stripe::cancel(intent), &numbered(&pending.key, nth)).await?;
        return Ok(payment(&cancelled));
    };
    let refund = stripe::NewRefund {
        escrow_id: escrow.id.as_str(),
        intent_id: intent,
        // Of what never changes any more, so that each repeat asks for the same: not of what is left, which others may refund.
        amount: pending.amount.min(captured),
        key: &pending.key,
    };
    // A refund that began as a cancellation is another request at Stripe, so it has another key there.
    let key = if was_captured(pending) { pending.key.clone() } else { format!("{}:captured", pending.key) };
    let made: Refund = stripe.act(stripe::create_refund(&refund), &numbered(&key, nth)).await?;
    Ok(refunded(&made, Some(&pending.key)))
}

/// Returns the `nth` of an operation's keys.
pub(super) fn numbered(key: &str, nth: u32) -> String {
    if nth == 1 { key.to_owned() } else { format!("{key}:{nth}") }
}

fn was_captured(pending: &Pending) -> bool {
    use crate::domain::escrow::State::{PartiallyRefunded, Released};
    matches!(pending.from, Released | PartiallyRefunded)
}

/// Looks at the payment, and at its refunds where it can have some.
pub(super) async fn look(stripe: &Stripe, escrow: &Escrow, intent: &str) -> Result<Vec<Seen>, CallFailure> {
    let found = Intent::read(stripe, intent).await?;
    let mut seen = vec![payment(&found)];
    let refunding = escrow.pending.as_ref().is_some_and(|pending| !pending.captures());
    if found.status == IntentStatus::Succeeded && refunding {
        seen.extend(refunds(stripe, intent).await?);
    }
    Ok(seen)
}

/// Reads all refunds of a payment.
pub(super) async fn refunds(stripe: &Stripe, intent: &str) -> Result<Vec<Seen>, CallFailure> {
    let mut seen = Vec::new();
    let see = |refund: Refund| -> Option<()> {
        seen.push(refunded(&refund, None));
        None
    };
    Refund::find(stripe, intent, see).await?;
    Ok(seen)
}

/// Says what an intent tells.
pub(super) fn payment(intent: &Intent) -> Seen {
    let status = match intent.status {
        IntentStatus::RequiresCapture => PaymentStatus::Held,
        IntentStatus::Succeeded => PaymentStatus::Captured,
        IntentStatus::Canceled => PaymentStatus::Cancelled,
        _ => PaymentStatus::Unpaid,
    };
    let charge = intent.latest_charge.as_ref();
    let error = intent.last_payment_error.as_ref();
    Seen::Payment(PaymentSeen {
        intent_id: intent.id.clone(),
        status,
        received: intent.amount_received,
        client_secret: intent.client_secret.clone(),
        charge_id: charge.and_then(Charge::id).map(str::to_owned),
        capture_before: charge.and_then(Charge::capture_before),
        ran_out: intent.cancellation_reason.as_deref().is_some_and(|reason| RAN_OUT.contains(&reason)),
        failure: error.map(|error| Failure {
            status: Some(402),
            code: error.code.clone(),
            decline_code: error.decline_code.clone(),
        }),
    })
}

/// Says what a refund tells; `key` is the one it was just made under.
pub(super) fn refunded(refund: &Refund, key: Option<&str>) -> Seen {
    let own = refund.metadata.as_ref().and_then(|all| all.get(IDEMPOTENCY_KEY)).map(String::as_str);
    let status = match refund.status.as_deref() {
        Some("failed" | "canceled") => RefundStatus::Failed,
        Some("succeeded") => RefundStatus::Succeeded,
        _ => RefundStatus::Pending,
    };
    let key = key.or(own).map(str::to_owned);
    let refund = crate::domain::escrow::Refund { id: refund.id.clone(), amount: refund.amount, status, key };
    Seen::Refund(RefundSeen { refund })
}

/// Says what a dispute tells; nothing while it is an inquiry, which takes no money back. Where one becomes a chargeback, Stripe tells of the
/// dispute again, with another status.
pub(super) fn disputed(id: &str, amount: i64, status: &str) -> Option<Seen> {
    let status = match status {
        "warning_needs_response" | "warning_under_review" => return None,
        "won" | "warning_closed" | "prevented" => ChargebackStatus::Won,
        "lost" => ChargebackStatus::Lost,
        _ => ChargebackStatus::Open,
    };
    let chargeback = Chargeback { id: id.to_owned(), amount, status };
    Some(Seen::Dispute(crate::domain::escrow::DisputeSeen { chargeback }))
}

/// Keeps of a refusal what a caller may see.
pub(super) fn failure(error: &StripeError) -> Failure {
    Failure { status: error.status, code: error.code.clone(), decline_code: error.decline_code.clone() }
}

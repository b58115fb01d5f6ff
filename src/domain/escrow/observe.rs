//! From what was seen at Stripe to the next version. Whoever saw it (the request, the fallback, an event), in whatever order and
//! however often, the escrow ends at the same place.

use super::amounts::storable;
use super::{
    Chargeback, ChargebackStatus, DisputeSeen, Escrow, Failure, Operation, PaymentSeen, PaymentStatus, Pending, Refund,
    RefundSeen, RefundStatus, Seen, State, is_legal,
};
use crate::domain::job::Resolution;
use crate::domain::millis::Millis;

impl Escrow {
    /// Makes the next version of what was seen; nothing where it tells nothing new. `by` is `partner`, `admin`, `fallback` or `stripe`.
    pub fn observe(&self, seen: &[Seen], by: &str, now: Millis) -> Option<Self> {
        let mut next = self.clone();
        let mut refused = None;
        for one in seen {
            match one {
                Seen::Payment(payment) => next.note_payment(payment),
                Seen::Refund(RefundSeen { refund }) => next.note_refund(refund),
                Seen::Dispute(DisputeSeen { chargeback }) => next.note_chargeback(chargeback),
                Seen::Refused { key, failure } => {
                    let pending = self.pending.as_ref().is_some_and(|pending| pending.key == *key);
                    let creating = self.is_being_created() && *key == self.creation_key();
                    refused = Some(failure).filter(|_| pending || creating).or(refused);
                }
            }
        }
        let (mut operation, mut to, mut ended) = next.settle(self, refused);
        if !is_legal(Some(self.state), to, operation) {
            // What is under way stays so, and keeps the job that looks after it: a move the table lacks ends nothing.
            (operation, to, ended) = (Operation::Note, self.state, false);
        }
        if next == *self && to == self.state && !ended {
            return None;
        }
        // Whoever did it: what is done was not refused, and the same is answered as where the refusal was never met.
        let refused = refused.filter(|_| !next.pending.as_ref().is_some_and(|pending| next.has_done(pending)));
        Some(next.moved(self, operation, to, ended, refused, by, now))
    }

    /// Returns the idempotency key under which the payment is made.
    pub fn creation_key(&self) -> String {
        format!("{}:{}:1", self.id, Operation::Create)
    }

    fn is_being_created(&self) -> bool {
        self.state == State::Created && self.payment.intent_id.is_none()
    }

    /// Tells whether the facts have what `pending` asks Stripe for.
    fn has_done(&self, pending: &Pending) -> bool {
        let payment = &self.payment;
        if pending.captures() {
            return payment.captured.is_some();
        }
        if pending.operation == Operation::Cancel {
            return payment.cancelled;
        }
        let made = self.refunds.iter().any(|refund| refund.key.as_ref() == Some(&pending.key));
        made || (payment.is_settled() && self.amounts().released() == 0)
    }

    #[expect(clippy::too_many_arguments, reason = "what an entry of the history consists of")]
    fn moved(
        mut self,
        before: &Self,
        operation: Operation,
        to: State,
        ended: bool,
        refused: Option<&Failure>,
        by: &str,
        now: Millis,
    ) -> Self {
        let mut entry = before.entry(operation, to, by, now);
        let learnt = self.last_failure.take().filter(|failure| before.last_failure.as_ref() != Some(failure));
        entry.failure = refused.cloned().or(learnt);
        self.last_failure =
            entry.failure.clone().or_else(|| before.last_failure.clone().filter(|_| to == before.state));
        if let Some(pending) = self.pending.take_if(|_| ended) {
            entry.amount = Some(pending.amount).filter(|amount| *amount > 0);
            entry.request = pending.request;
            entry.reason = pending.reason;
        }
        self.advance(entry);
        self
    }

    fn note_payment(&mut self, seen: &PaymentSeen) {
        let payment = &mut self.payment;
        if seen.intent_id.is_empty() || payment.intent_id.as_ref().is_some_and(|known| *known != seen.intent_id) {
            return;
        }
        payment.intent_id = Some(seen.intent_id.clone());
        payment.client_secret = payment.client_secret.take().or_else(|| seen.client_secret.clone());
        if payment.is_settled() {
            return;
        }
        match seen.status {
            PaymentStatus::Unpaid => {
                if !payment.authorized && seen.failure.is_some() {
                    self.last_failure.clone_from(&seen.failure);
                }
                return;
            }
            PaymentStatus::Held => payment.authorized = true,
            PaymentStatus::Captured => {
                payment.authorized = true;
                payment.captured = Some(seen.received.clamp(0, self.amount));
            }
            PaymentStatus::Cancelled => {
                payment.cancelled = true;
                payment.ran_out = seen.ran_out;
            }
        }
        payment.charge_id = seen.charge_id.clone().or(payment.charge_id.take());
        payment.capture_before = seen.capture_before.or(payment.capture_before);
    }

    fn note_refund(&mut self, seen: &Refund) {
        match self.refunds.iter_mut().find(|known| known.id == seen.id) {
            Some(known) => known.status = known.status.max(seen.status),
            None => self.refunds.push(Refund { amount: storable(seen.amount), ..seen.clone() }),
        }
    }

    fn note_chargeback(&mut self, seen: &Chargeback) {
        match self.chargebacks.iter_mut().find(|known| known.id == seen.id) {
            Some(known) => known.status = known.status.max(seen.status),
            None => self.chargebacks.push(Chargeback { amount: storable(seen.amount), ..seen.clone() }),
        }
    }

    /// Returns the state that follows from the amounts of a captured payment.
    fn by_amounts(&self) -> State {
        let amounts = self.amounts();
        if self.chargebacks.iter().any(|one| one.status != ChargebackStatus::Won) {
            return State::ChargedBack;
        }
        match (amounts.released(), amounts.refunded()) {
            (_, 0) => State::Released,
            (0, _) => State::Refunded,
            _ => State::PartiallyRefunded,
        }
    }

    /// Decides what the facts mean: the operation, the state, and whether what was under way has ended.
    fn settle(&mut self, before: &Self, refused: Option<&Failure>) -> (Operation, State, bool) {
        if self.payment.cancelled {
            return self.without_money(before.state);
        }
        if self.payment.captured.is_some() {
            return self.with_money(before, refused.is_some());
        }
        match (&self.pending, refused) {
            (Some(pending), Some(_)) => {
                let paid_meanwhile = pending.from == State::Created && self.payment.authorized;
                let to = if paid_meanwhile { State::Authorized } else { pending.from };
                (pending.operation, to, true)
            }
            (None, Some(_)) => (Operation::Create, State::Cancelled, false),
            _ if matches!(before.state, State::Created | State::Cancelled) && self.payment.authorized => {
                (Operation::Authorize, State::Authorized, false)
            }
            _ if before.is_being_created() && self.payment.intent_id.is_some() => {
                (Operation::Create, State::Created, false)
            }
            _ => (Operation::Note, before.state, false),
        }
    }

    /// The payment ended without money.
    fn without_money(&self, before: State) -> (Operation, State, bool) {
        let begun = self.pending.as_ref().map(|pending| (pending.operation, pending.resolution));
        match (begun, before) {
            (Some((Operation::Cancel, _)), _) => (Operation::Cancel, State::Cancelled, true),
            (None, State::Created) => (Operation::Cancel, State::Cancelled, false),
            (Some((Operation::Refund, _)), _) => (Operation::Refund, State::Refunded, true),
            (Some((Operation::Resolve, Some(Resolution::Refund))), _) => (Operation::Resolve, State::Refunded, true),
            (Some(_), _) | (None, State::Authorized | State::Disputed) if self.payment.ran_out => {
                (Operation::Expire, State::Expired, true)
            }
            (Some(_), _) | (None, State::Authorized | State::Disputed) => (Operation::Void, State::Refunded, true),
            (None, _) => (Operation::Note, before, false),
        }
    }

    /// The payment was captured.
    fn with_money(&mut self, before: &Self, refused: bool) -> (Operation, State, bool) {
        let to = self.by_amounts();
        let Some(pending) = &self.pending else {
            return match before.state {
                State::Created | State::Authorized | State::Disputed | State::Cancelled => {
                    (Operation::Release, to, false)
                }
                _ => (self.outside(before, to), to, false),
            };
        };
        if pending.captures() {
            return (pending.operation, to, true);
        }
        if pending.operation == Operation::Cancel {
            return (Operation::Release, to, true);
        }
        match self.refunds.iter().find(|refund| refund.key.as_ref() == Some(&pending.key)) {
            Some(refund) => {
                if refund.status == RefundStatus::Failed {
                    let code = Some("refund_failed".to_owned());
                    self.last_failure = Some(Failure { status: None, code, decline_code: None });
                }
                (pending.operation, to, true)
            }
            None if refused => (pending.operation, to, true),
            None => (Operation::Note, before.state, false),
        }
    }

    /// Names what changed a payment whose operations have all ended.
    fn outside(&self, before: &Self, to: State) -> Operation {
        if to == State::ChargedBack || before.state == State::ChargedBack {
            return if to == before.state { Operation::Note } else { Operation::Chargeback };
        }
        match self.amounts().refunded().cmp(&before.amounts().refunded()) {
            std::cmp::Ordering::Greater => Operation::Refund,
            std::cmp::Ordering::Less => Operation::RefundFailed,
            std::cmp::Ordering::Equal => Operation::Note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An escrow of 100.00 USD with its payment at Stripe, in `state`, begun as `pending` says.
    fn escrow(state: State, payment: &str, pending: &str) -> Escrow {
        let text = format!(
            r#"{{"id":"esc_1","version":3,"state":"{state}","partner":"shop","amount":10000,"currency":"usd",
            "buyerEmail":"b@example.com","sellerEmail":"s@example.com","description":null,"metadata":{{}},
            "payment":{{"intentId":"pi_1"{payment}}},"refunds":[],"chargebacks":[],"pending":{pending},
            "lastFailure":null,"history":[],"jobs":[],"timers":[],"createdAt":0,"updatedAt":0}}"#
        );
        Escrow::parse(&text).unwrap()
    }

    /// An escrow in which an operation is under way, or waits for the next.
    fn lives() -> Vec<Escrow> {
        const HELD: &str = r#","authorized":true"#;
        const TAKEN: &str = r#","authorized":true,"captured":10000"#;
        let begun = |state, payment, operation: &str, from: &str, resolution: &str| {
            let pending = format!(
                r#"{{"operation":"{operation}","from":"{from}","amount":10000,"key":"k","request":null,"resolution":{resolution},
                "reason":null,"by":"admin","at":0,"job":"job-1"}}"#
            );
            escrow(state, payment, &pending)
        };
        vec![
            escrow(State::Created, "", "null"),
            escrow(State::Cancelled, "", "null"),
            escrow(State::Authorized, HELD, "null"),
            escrow(State::Disputed, HELD, "null"),
            escrow(State::Released, TAKEN, "null"),
            begun(State::Releasing, HELD, "release", "authorized", "null"),
            begun(State::Refunding, HELD, "refund", "authorized", "null"),
            begun(State::Refunding, TAKEN, "refund", "released", "null"),
            begun(State::Resolving, HELD, "resolve", "disputed", r#""release""#),
            begun(State::Resolving, HELD, "resolve", "disputed", r#""refund""#),
            begun(State::Resolving, HELD, "resolve", "disputed", r#""split""#),
            begun(State::Cancelling, "", "cancel", "created", "null"),
        ]
    }

    fn payment(status: PaymentStatus, received: i64) -> Seen {
        Seen::Payment(PaymentSeen { intent_id: "pi_1".into(), status, received, ..PaymentSeen::default() })
    }

    fn refund(id: &str, amount: i64, key: Option<&str>) -> Seen {
        let key = key.map(str::to_owned);
        Seen::Refund(RefundSeen { refund: Refund { id: id.into(), amount, status: RefundStatus::Succeeded, key } })
    }

    /// All that may be seen at once: each way the payment may be, with and without refunds, an objection, a refusal.
    fn sights() -> Vec<Vec<Seen>> {
        let payments = [
            payment(PaymentStatus::Held, 0),
            payment(PaymentStatus::Captured, 10_000),
            payment(PaymentStatus::Captured, 6_000),
            payment(PaymentStatus::Cancelled, 0),
        ];
        let chargeback = Chargeback { id: "dp_1".into(), amount: 10_000, status: ChargebackStatus::Open };
        let failure = Failure { status: Some(400), code: None, decline_code: None };
        let more = [
            refund("re_1", 10_000, None),
            refund("re_2", 2_000, Some("k")),
            Seen::Dispute(DisputeSeen { chargeback }),
            Seen::Refused { key: "k".into(), failure },
        ];
        let subsets = |first: Seen| {
            let subset = |bits: usize| (0..more.len()).filter(move |n| bits >> n & 1 == 1);
            let more = more.clone();
            (0..1_usize << more.len())
                .map(move |bits| std::iter::once(first.clone()).chain(subset(bits).map(|n| more[n].clone())).collect())
        };
        payments.into_iter().flat_map(subsets).collect()
    }

    #[test]
    fn an_escrow_is_in_between_for_as_long_as_an_operation_is_under_way() {
        for before in lives() {
            for seen in sights() {
                let after = before.observe(&seen, "stripe", Millis(1)).unwrap_or_else(|| before.clone());
                assert_eq!(after.pending.is_some(), after.state.is_in_between(), "{before:?} {seen:?} {after:?}");
            }
        }
    }

    #[test]
    fn a_refusal_takes_nothing_from_what_is_done() {
        for before in lives() {
            let Some(pending) = &before.pending else { continue };
            for seen in sights() {
                let facts: Vec<Seen> =
                    seen.iter().filter(|one| !matches!(one, Seen::Refused { .. })).cloned().collect();
                let Some(done) = before.observe(&facts, "stripe", Millis(1)) else { continue };
                if done.pending.is_none() && done.history.last().unwrap().operation == pending.operation {
                    assert_eq!(before.observe(&seen, "stripe", Millis(1)).as_ref(), Some(&done), "{seen:?}");
                }
            }
        }
    }

    #[test]
    fn where_the_money_is_gone_nothing_waits_for_it_unless_it_is_under_way() {
        for before in lives() {
            for seen in sights() {
                let after = before.observe(&seen, "stripe", Millis(1)).unwrap_or_else(|| before.clone());
                let waits = matches!(after.state, State::Created | State::Authorized | State::Disputed);
                let held = after.amounts().remaining() > 0;
                assert!(!waits || !after.payment.is_settled(), "{before:?} {seen:?} {after:?}");
                assert!(!held || waits || after.pending.is_some(), "{before:?} {seen:?} {after:?}");
            }
        }
    }
}

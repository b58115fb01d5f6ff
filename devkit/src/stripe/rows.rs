//! The sandbox's objects as rows of its page.

use super::currency;
use super::model::{Charge, Dispute, DisputeOutcome, Intent, IntentStatus, Refund, RefundStatus};
use super::store::Store;
use crate::clock;
use crate::page::Tone;

pub(super) struct IntentRow {
    pub(super) id: String,
    pub(super) time: String,
    pub(super) description: String,
    pub(super) amount: String,
    pub(super) captured: String,
    pub(super) refunded: String,
    pub(super) status: &'static str,
    pub(super) tone: Tone,
    pub(super) note: String,
    pub(super) held: bool,
    pub(super) asks: bool,
}

impl IntentRow {
    pub(super) fn of(store: &Store, intent: &Intent) -> Self {
        let tone = match intent.status {
            IntentStatus::Succeeded => Tone::Good,
            IntentStatus::RequiresCapture | IntentStatus::RequiresAction => Tone::Waiting,
            IntentStatus::RequiresPaymentMethod if intent.last_payment_error.is_some() => Tone::Bad,
            _ => Tone::Quiet,
        };
        let declined = intent.last_payment_error.as_ref().map(|error| match error["decline_code"].as_str() {
            Some(reason) => format!("declined: {reason}"),
            None => "authentication failed".to_owned(),
        });
        let charge = intent.latest_charge.as_ref().and_then(|id| store.charges.get(id));
        let held_until = charge
            .filter(|_| intent.status == IntentStatus::RequiresCapture)
            .and_then(|charge| charge.capture_before)
            .map(|end| format!("until {}", clock::rfc3339(end * 1000)));
        let money = |amount| currency::display(amount, &intent.currency);
        Self {
            id: intent.id.clone(),
            time: clock::time_of_day(intent.created * 1000).chars().take(8).collect(),
            description: intent.texts.description.clone().unwrap_or_default(),
            amount: money(intent.amount),
            captured: money(intent.ledger.captured),
            refunded: money(intent.ledger.refunded),
            status: intent.status.name(),
            tone,
            note: declined.or(intent.cancellation_reason.clone()).or(held_until).unwrap_or_default(),
            held: intent.status == IntentStatus::RequiresCapture,
            asks: intent.status == IntentStatus::RequiresAction,
        }
    }
}

pub(super) struct ChargeRow {
    pub(super) id: String,
    pub(super) intent: String,
    pub(super) card: String,
    pub(super) captured: String,
    pub(super) given_back: String,
    pub(super) state: &'static str,
    pub(super) tone: Tone,
    pub(super) disputable: bool,
}

impl ChargeRow {
    pub(super) fn of(charge: &Charge) -> Self {
        let (state, tone) = if charge.failure.is_some() {
            ("declined", Tone::Bad)
        } else if charge.dispute.is_some() {
            ("disputed", Tone::Bad)
        } else if charge.captured {
            ("captured", Tone::Good)
        } else if charge.released {
            ("released", Tone::Quiet)
        } else {
            ("held", Tone::Waiting)
        };
        let money = |amount| currency::display(amount, &charge.currency);
        Self {
            id: charge.id.clone(),
            intent: charge.intent.clone(),
            card: format!("{} {}", charge.card.brand, charge.card.last4),
            captured: money(charge.amount_captured),
            given_back: money(charge.amount_refunded),
            state,
            tone,
            disputable: charge.captured && charge.dispute.is_none(),
        }
    }
}

pub(super) struct RefundRow {
    pub(super) id: String,
    pub(super) intent: String,
    pub(super) amount: String,
    pub(super) reason: String,
    pub(super) status: &'static str,
    pub(super) tone: Tone,
    pub(super) pending: bool,
    pub(super) failed: bool,
}

impl RefundRow {
    pub(super) fn of(refund: &Refund) -> Self {
        Self {
            id: refund.id.clone(),
            intent: refund.intent.clone(),
            amount: currency::display(refund.amount, &refund.currency),
            reason: refund.reason.clone().unwrap_or_default(),
            status: refund.status.name(),
            tone: match refund.status {
                RefundStatus::Pending => Tone::Waiting,
                RefundStatus::Succeeded => Tone::Good,
                RefundStatus::Failed => Tone::Bad,
            },
            pending: refund.status == RefundStatus::Pending,
            failed: refund.status == RefundStatus::Failed,
        }
    }
}

pub(super) struct DisputeRow {
    pub(super) id: String,
    pub(super) charge: String,
    pub(super) amount: String,
    pub(super) status: &'static str,
    pub(super) tone: Tone,
    pub(super) open: bool,
}

impl DisputeRow {
    pub(super) fn of(dispute: &Dispute) -> Self {
        let (status, tone) = match dispute.outcome {
            None => ("needs_response", Tone::Waiting),
            Some(DisputeOutcome::Won) => ("won", Tone::Good),
            Some(DisputeOutcome::Lost) => ("lost", Tone::Bad),
        };
        Self {
            id: dispute.id.clone(),
            charge: dispute.charge.clone(),
            amount: currency::display(dispute.amount, &dispute.currency),
            status,
            tone,
            open: dispute.outcome.is_none(),
        }
    }
}

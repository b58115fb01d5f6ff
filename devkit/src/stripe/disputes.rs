//! Disputes: opened by a card or on request, closed on request.

use super::card::Behaviour;
use super::model::{Dispute, DisputeOutcome};
use super::store::Store;
use crate::{clock, id};

/// Opens a dispute over what was captured; `None` when nothing was, or there is one.
pub(super) fn open(store: &mut Store, charge_id: &str) -> Option<String> {
    let charge = store.charges.get_mut(charge_id).filter(|charge| charge.captured && charge.dispute.is_none())?;
    let dispute = Dispute {
        id: id::token("dp_1", 23),
        created: clock::now_secs(),
        charge: charge.id.clone(),
        intent: charge.intent.clone(),
        amount: charge.amount_captured,
        currency: charge.currency.clone(),
        outcome: None,
    };
    let id = dispute.id.clone();
    charge.dispute = Some(id.clone());
    store.disputes.put(&id, dispute);
    store.emit_dispute("charge.dispute.created", &id);
    Some(id)
}

/// Closes a dispute; false when it is closed already or not known.
pub(super) fn close(store: &mut Store, id: &str, outcome: DisputeOutcome) -> bool {
    let Some(dispute) = store.disputes.get_mut(id).filter(|dispute| dispute.outcome.is_none()) else {
        return false;
    };
    dispute.outcome = Some(outcome);
    store.emit_dispute("charge.dispute.closed", id);
    true
}

pub(super) fn open_if_the_card_does(store: &mut Store, charge_id: &str) {
    if store.charges.get(charge_id).is_some_and(|charge| charge.card.behaviour == Behaviour::Dispute) {
        open(store, charge_id);
    }
}

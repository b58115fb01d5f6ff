//! What a move has for side effects: mails, the partner's webhook, the audit record, and the jobs that finish or watch it.
//!
//! A state in which something is under way is told to nobody but the audit log: it lasts for the time of one call to Stripe, and a
//! webhook about it could arrive after the one about its end.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::{Escrow, Operation, Pending, Role, State, Timer};
use crate::domain::audit_event::{Actor, AuditEvent, AuditPayload, AuditedChange, Subject};
use crate::domain::endpoint::AUTHORIZATION_EXPIRING;
use crate::domain::job::{
    DisputeResolved, Due, EmailDispute, EmailPayment, EmailRefund, EscrowStatusChanged, JobType, Resolution,
    StripeCapture, StripeRefund,
};
use crate::domain::millis::Millis;

/// How long a begun operation is left to its own request. Chosen: longer than a function's calls with all their repeats.
const FALLBACK_AFTER: Duration = Duration::from_mins(1);

/// Attempts of a fallback. Chosen: with doubling waits the 20th is six days after the first, as long as a card's hold.
const FALLBACK_ATTEMPTS: u32 = 20;

/// How long before the end of an authorisation its partner is warned.
const WARN_BEFORE: Duration = Duration::from_hours(24);

/// How long after the end of an authorisation is looked whether Stripe has ended it. Chosen: Stripe's own event comes within minutes.
const LOOK_AFTER: Duration = Duration::from_mins(10);

/// What a refund mail says where a release of a part returned the rest.
const REST: &str = "The part of the payment that was not released to the seller.";

/// A job to be enqueued.
#[derive(Clone)]
pub struct Effect {
    /// Its type.
    pub job_type: JobType,
    /// Its payload.
    pub payload: Box<RawValue>,
    /// Its dedupe key, where it has one.
    pub dedupe_key: Option<String>,
    /// Attempts, where not the type's default.
    pub max_attempts: Option<u32>,
    /// When it is due.
    pub due: Due,
}

impl Effect {
    fn new(job_type: JobType, payload: &impl Serialize, dedupe_key: String) -> Self {
        let payload = to_raw_value(payload).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { job_type, payload, dedupe_key: Some(dedupe_key), max_attempts: None, due: Due::Now }
    }

    fn at(self, at: Millis, attempts: u32) -> Self {
        Self { dedupe_key: None, max_attempts: Some(attempts), due: Due::At(at), ..self }
    }
}

/// Names the job; never the payload, which holds addresses.
impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effect")
            .field("job_type", &self.job_type)
            .field("dedupe_key", &self.dedupe_key)
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}

/// Returns the side effects of the move from `before`, or from nothing, to `after`, which the request `request_id` made, if one did.
pub fn effects(before: Option<&Escrow>, after: &Escrow, request_id: Option<&str>) -> Vec<Effect> {
    let mut effects = Vec::new();
    let settled = |escrow: &Escrow| escrow.pending.as_ref().map_or(escrow.state, |pending| pending.from);
    if let Some(before) = before
        && !after.state.is_in_between()
    {
        mails(before, after, &mut effects);
        if settled(before) != after.state {
            effects.push(status_changed(after, settled(before)));
        }
    }
    effects.push(audit(before, after, request_id));
    effects
}

fn mails(before: &Escrow, after: &Escrow, effects: &mut Vec<Effect>) {
    let Some(entry) = after.history.last() else { return };
    let (was, is) = (before.amounts(), after.amounts());
    let (released, refunded) = (is.released() - was.released(), is.refunded() - was.refunded());
    match entry.operation {
        Operation::Authorize => effects.push(confirmed(after)),
        Operation::Dispute => effects.extend(disputed(after)),
        Operation::Resolve if after.state != State::Disputed => effects.extend(resolved(before, after)),
        Operation::Release | Operation::Refund => {
            if released > 0 {
                effects.push(payment(after, JobType::SendReleaseEmail, &after.seller_email, released, "release"));
            }
            if refunded > 0 {
                // A refund that is learnt together with its release is no rest of it.
                let is_part = released > 0 && after.payment.captured.is_some_and(|captured| captured < is.held());
                let rest = Some(REST.to_owned()).filter(|_| entry.operation == Operation::Release && is_part);
                effects.push(refund(after, entry.reason.clone().or(rest), refunded));
            }
        }
        _ => {}
    }
}

fn dedupe(escrow: &Escrow, what: &str) -> String {
    format!("escrow-{}-{what}", escrow.id)
}

fn payment(
    escrow: &Escrow,
    job_type: JobType,
    to: &crate::domain::email_address::EmailAddress,
    amount: i64,
    what: &str,
) -> Effect {
    let mail = EmailPayment {
        transaction_id: escrow.id.to_string(),
        recipient_email: to.clone(),
        amount: Some(amount),
        currency: Some(escrow.currency),
    };
    Effect::new(job_type, &mail, dedupe(escrow, &format!("{what}-email")))
}

fn confirmed(escrow: &Escrow) -> Effect {
    let amount = escrow.amounts().held();
    payment(escrow, JobType::SendPaymentConfirmedEmail, &escrow.buyer_email, amount, "confirmed")
}

/// A payment may go back in several parts within an hour, the first of them by a release: each has a mail and a dedupe key of its own.
fn refund(escrow: &Escrow, reason: Option<String>, amount: i64) -> Effect {
    let mail = EmailRefund {
        transaction_id: escrow.id.to_string(),
        recipient_email: escrow.buyer_email.clone(),
        reason,
        amount: Some(amount),
        currency: Some(escrow.currency),
    };
    Effect::new(JobType::SendRefundEmail, &mail, dedupe(escrow, &format!("refund-email-{}", escrow.version)))
}

fn disputed(escrow: &Escrow) -> [Effect; 2] {
    let reason = escrow.history.last().and_then(|entry| entry.reason.clone());
    [("buyer", &escrow.buyer_email), ("seller", &escrow.seller_email)].map(|(party, address)| {
        let mail = EmailDispute {
            transaction_id: escrow.id.to_string(),
            recipient_email: address.clone(),
            reason: reason.clone(),
        };
        Effect::new(JobType::SendDisputeEmail, &mail, dedupe(escrow, &format!("dispute-email-{party}")))
    })
}

/// The mail says in whose favour it was decided: only where the money went there. What Stripe refused was decided by nobody.
fn resolved(before: &Escrow, after: &Escrow) -> Option<Effect> {
    let resolution = before.pending.as_ref()?.resolution?;
    let amounts = after.amounts();
    let went = match (amounts.released(), amounts.refunded()) {
        (_, 0) => Resolution::Release,
        (0, _) => Resolution::Refund,
        _ => Resolution::Split,
    };
    if went != resolution {
        return None;
    }
    let notice = DisputeResolved {
        escrow_id: after.id.to_string(),
        resolution,
        recipients: vec![after.buyer_email.clone(), after.seller_email.clone()],
    };
    Some(Effect::new(JobType::NotifyDisputeResolved, &notice, dedupe(after, "resolved-email")))
}

fn status_changed(after: &Escrow, before: State) -> Effect {
    let change = EscrowStatusChanged {
        escrow_id: after.id.to_string(),
        status_before: before.as_str().to_owned(),
        status_after: after.state.as_str().to_owned(),
        occurred_at: Some(after.updated_at),
        event: None,
        partner: Some(after.partner.clone()),
        endpoint: None,
        webhook_id: None,
    };
    Effect::new(JobType::WebhookEscrowStatusChanged, &change, dedupe(after, &format!("status-{}", after.version)))
}

/// The record names no party: addresses do not belong into a log that is kept for good.
fn audit(before: Option<&Escrow>, after: &Escrow, request_id: Option<&str>) -> Effect {
    let entry = after.history.last();
    let by = entry.map_or("fallback", |entry| entry.by.as_str());
    let stands =
        |escrow: &Escrow| json!({"status": escrow.state, "version": escrow.version, "amounts": escrow.amounts()});
    let mut now = stands(after);
    now["currency"] = json!(after.currency);
    now["paymentIntentId"] = json!(after.payment.intent_id);
    now["amount"] = json!(entry.and_then(|entry| entry.amount));
    now["failure"] = json!(entry.and_then(|entry| entry.failure.as_ref()));
    let change = AuditedChange {
        action: format!("escrow.{}", entry.map_or("note", |entry| entry.operation.as_str())),
        subject: Subject::of("escrow", &after.id),
        before: before.map_or(Value::Null, stands),
        after: now,
    };
    // A partner sees only its own escrows; of others the key is not kept.
    let id = (by == Role::Partner.as_str()).then_some(after.partner.as_str());
    let actor = Actor { kind: by, id };
    let event = AuditEvent { time: after.updated_at, actor, change, request_id };
    let payload = AuditPayload { event_data: event };
    Effect::new(JobType::AuditLogCreated, &payload, dedupe(after, &format!("audit-{}", after.version)))
}

/// Returns the job that finishes a begun operation when nobody else does.
pub fn fallback(escrow: &Escrow, pending: &Pending) -> Effect {
    let (intent, escrow_id) = (escrow.payment.intent_id.clone().unwrap_or_default(), Some(escrow.id.to_string()));
    let (amount, idempotency_key) = (Some(pending.amount).filter(|amount| *amount > 0), Some(pending.key.clone()));
    let effect = if pending.captures() {
        let capture = StripeCapture { payment_intent_id: intent, escrow_id, amount, idempotency_key };
        Effect::new(JobType::StripeCapturePayment, &capture, String::new())
    } else {
        let reason = pending.reason.clone();
        let refund = StripeRefund { payment_intent_id: intent, escrow_id, amount, reason, idempotency_key };
        Effect::new(JobType::StripeRefundPayment, &refund, String::new())
    };
    effect.at(pending.at.plus(FALLBACK_AFTER), FALLBACK_ATTEMPTS)
}

/// Returns when the partner is warned of the end of the authorisation, and when is looked for it.
pub fn timer_times(ends: Millis) -> (Millis, Millis) {
    let before = i64::try_from(WARN_BEFORE.as_millis()).unwrap_or(0);
    (Millis(ends.0.saturating_sub(before)), ends.plus(LOOK_AFTER))
}

/// Returns the webhook that warns of the end of the authorisation: the status is what it was, the event has a name of its own.
pub fn expiry_warning(escrow: &Escrow, timer: &Timer) -> Effect {
    let state = State::Authorized.as_str().to_owned();
    let warning = EscrowStatusChanged {
        escrow_id: escrow.id.to_string(),
        status_before: state.clone(),
        status_after: state,
        occurred_at: Some(timer.due),
        event: Some(AUTHORIZATION_EXPIRING.to_owned()),
        partner: Some(escrow.partner.clone()),
        endpoint: None,
        webhook_id: None,
    };
    let effect = Effect::new(JobType::WebhookEscrowStatusChanged, &warning, String::new());
    effect.at(timer.due, JobType::WebhookEscrowStatusChanged.default_max_attempts())
}

/// Returns the job that looks whether Stripe has ended the authorisation, where its event got lost.
pub fn expiry_check(escrow: &Escrow, timer: &Timer) -> Effect {
    let refund = StripeRefund {
        payment_intent_id: escrow.payment.intent_id.clone().unwrap_or_default(),
        escrow_id: Some(escrow.id.to_string()),
        amount: None,
        reason: None,
        idempotency_key: Some(escrow.expiry_key()),
    };
    Effect::new(JobType::StripeRefundPayment, &refund, String::new()).at(timer.due, FALLBACK_ATTEMPTS)
}

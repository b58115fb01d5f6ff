//! `escrow show`: one escrow.

use std::fmt::Write;

use holdfast::domain::escrow::{Entry, Escrow};
use holdfast::domain::id::{EscrowId, JobId};
use holdfast::domain::millis::Millis;
use holdfast::domain::money::Money;
use holdfast::queue::JobView;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Side, Table, on_one_line};
use crate::words::seen_from;

/// Jobs whose status is shown, the newest. Chosen: as the route does.
const MAX_JOBS: usize = 40;

pub(crate) async fn show(session: &Session, id: &EscrowId) -> Result<(), Failure> {
    let escrow = session.app.escrows()?.get(id).await?;
    let escrow = escrow.ok_or_else(|| Failure::Refused(format!("there is no escrow {id}")))?;
    let newest = &escrow.jobs[escrow.jobs.len().saturating_sub(MAX_JOBS)..];
    let ids: Vec<JobId> = newest.iter().map(|job| job.id.clone()).collect();
    let views = session.queue()?.statuses(&ids).await?;
    session.answer(&document(&escrow, &ids, &views), || text(&escrow, &ids, &views, session.now()))
}

fn status(view: Option<&JobView>) -> Option<&'static str> {
    view.map(|view| view.document.status.as_str())
}

/// The document as stored, without what lets a buyer pay, and with what follows from it.
fn document(escrow: &Escrow, ids: &[JobId], views: &[Option<JobView>]) -> Value {
    let mut document: Value = serde_json::from_str(&escrow.to_json()).unwrap_or_default();
    if let Some(payment) = document["payment"].as_object_mut() {
        payment.remove("clientSecret");
    }
    document["amounts"] = json!(escrow.amounts());
    let statuses = ids.iter().zip(views).map(|(id, view)| json!({"id": id, "status": status(view.as_ref())}));
    document["jobStatuses"] = statuses.collect();
    document
}

fn text(escrow: &Escrow, ids: &[JobId], views: &[Option<JobView>], now: Millis) -> String {
    let money =
        |units: i64| Money::new(units, escrow.currency).map_or_else(|_| units.to_string(), |money| money.to_string());
    let amounts = escrow.amounts();
    let at = |at: Millis| format!("{} ({})", at.to_rfc3339(), seen_from(now, at));
    let mut facts = vec![
        ("id", escrow.id.to_string()),
        ("state", escrow.state.to_string()),
        ("partner", escrow.partner.to_string()),
        ("amount", money(escrow.amount)),
        ("held", money(amounts.held())),
        ("released", money(amounts.released())),
        ("refunded", money(amounts.refunded())),
        ("remaining", money(amounts.remaining())),
        ("buyer", escrow.buyer_email.expose().to_owned()),
        ("seller", escrow.seller_email.expose().to_owned()),
    ];
    facts.extend(escrow.description.as_deref().map(|text| ("description", on_one_line(text))));
    facts.extend(escrow.payment.intent_id.as_ref().map(|intent| ("payment intent", intent.clone())));
    if let Some(pending) = &escrow.pending {
        let since = seen_from(now, pending.at);
        facts.push(("under way", format!("{} since {since}; {} finishes it", pending.operation, pending.job)));
    }
    facts.extend([
        ("version", escrow.version.to_string()),
        ("created", at(escrow.created_at)),
        ("updated", at(escrow.updated_at)),
    ]);
    let mut text = Table::of_facts(facts).text();
    let mut history = Table::new(&["history", "operation", "to", "by", "amount", "why"].map(|name| (name, Side::Left)));
    for entry in &escrow.history {
        let amount = entry.amount.map(money).unwrap_or_default();
        let when = seen_from(now, entry.at);
        history.row([when, entry.operation.to_string(), entry.to.to_string(), entry.by.clone(), amount, why(entry)]);
    }
    let _ = write!(text, "\n{}", history.text());
    let mut jobs = Table::new(&["job", "type", "status"].map(|name| (name, Side::Left)));
    for (id, view) in ids.iter().zip(views) {
        let job_type = escrow.jobs.iter().find(|job| job.id == *id).map(|job| job.job_type.to_string());
        let status = status(view.as_ref()).unwrap_or("no longer kept");
        jobs.row([id.to_string(), job_type.unwrap_or_default(), status.to_owned()]);
    }
    let _ = write!(text, "\n{}", jobs.text());
    text
}

fn why(entry: &Entry) -> String {
    let failure = entry.failure.as_ref().and_then(|failure| failure.decline_code.clone().or(failure.code.clone()));
    entry.reason.clone().or(failure).unwrap_or_default()
}

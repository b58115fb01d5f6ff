//! An escrow's page: whose the money is, what moved it, and what became of its jobs.

use askama::Template;
use http::StatusCode;

use super::job;
use super::page::{self, Shell};
use super::problem::Problem;
use super::text::{self, Addresses, When};
use crate::app::App;
use crate::domain::escrow::{Entry, Escrow, State};
use crate::domain::id::{EscrowId, JobId, PartnerId};
use crate::domain::job::JobType;
use crate::domain::money::{Currency, Money};
use crate::http::{ApiError, Response};

/// Jobs whose status is shown, the newest. Chosen: a release has five; one call reads them all.
const MAX_JOBS: usize = 40;

#[derive(Template)]
#[template(path = "dashboard/escrow.html")]
struct Page {
    shell: Shell,
    id: EscrowId,
    state: &'static str,
    tone: &'static str,
    amounts: [(&'static str, String); 4],
    partner: PartnerId,
    facts: Vec<(&'static str, String)>,
    history: Vec<Move>,
    jobs: Vec<JobRow>,
    shows_addresses: bool,
}

struct Move {
    when: When,
    operation: String,
    from: Option<&'static str>,
    to: &'static str,
    by: String,
    amount: Option<String>,
    detail: Option<String>,
}

struct JobRow {
    id: JobId,
    job_type: JobType,
    /// What it waits for, where its type does not say so.
    note: &'static str,
    status: &'static str,
    tone: &'static str,
}

/// Writes the page. Two calls to Redis.
pub(super) async fn show(app: &App, shell: Shell, id: &EscrowId, addresses: Addresses) -> Result<Response, Problem> {
    let escrow = app
        .stored_escrow(id)
        .await??
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "unknown_escrow", "there is no such escrow"))?;
    let newest = &escrow.jobs[escrow.jobs.len().saturating_sub(MAX_JOBS)..];
    let ids: Vec<JobId> = newest.iter().map(|job| job.id.clone()).collect();
    let views = app.queue()?.statuses(&ids).await?;
    let row = |(job, view): (&crate::domain::escrow::JobRef, Option<crate::queue::JobView>)| {
        let status = view.map(|view| view.document.status);
        let (id, job_type) = (job.id.clone(), job.job_type);
        JobRow {
            id,
            job_type,
            note: note(&escrow, &job.id),
            status: status.map_or("no longer kept", job::words),
            tone: status.map_or("quiet", job::tone),
        }
    };
    let now = app.clock().now();
    let amounts = serde_json::to_value(escrow.amounts()).unwrap_or_default();
    let amount = |name: &str| money(amounts[name].as_i64().unwrap_or(0), escrow.currency);
    let page = Page {
        shell,
        id: id.clone(),
        state: escrow.state.as_str(),
        tone: tone(escrow.state),
        amounts: [
            ("Held", amount("held")),
            ("Released", amount("released")),
            ("Refunded", amount("refunded")),
            ("Remaining", amount("remaining")),
        ],
        partner: escrow.partner.clone(),
        facts: facts(&escrow, addresses, now),
        history: escrow.history.iter().rev().map(|entry| Move::new(entry, escrow.currency, addresses, now)).collect(),
        jobs: newest.iter().zip(views).map(row).rev().collect(),
        shows_addresses: addresses == Addresses::Shown,
    };
    Ok(page::render(&page)?)
}

/// Says which of the jobs that wait for the end of the hold it is: their types are those of other jobs too.
fn note(escrow: &Escrow, id: &JobId) -> &'static str {
    match escrow.timers.iter().find(|timer| timer.job == *id).map(|timer| timer.warns) {
        Some(true) => "warns that the hold ends",
        Some(false) => "looks whether the hold has ended",
        None => "",
    }
}

fn money(minor_units: i64, currency: Currency) -> String {
    Money::new(minor_units, currency).map_or_else(|_| format!("{minor_units} {currency}"), |money| money.to_string())
}

fn tone(state: State) -> &'static str {
    match state {
        State::Released | State::Refunded | State::PartiallyRefunded => "good",
        State::Disputed | State::ChargedBack => "bad",
        State::Releasing | State::Refunding | State::Resolving | State::Cancelling => "waiting",
        State::Created | State::Authorized | State::Cancelled | State::Expired => "quiet",
    }
}

fn facts(escrow: &Escrow, addresses: Addresses, now: crate::domain::millis::Millis) -> Vec<(&'static str, String)> {
    let shown = |text: &str| text::shown(text, addresses);
    let mut facts = vec![
        ("Asked for", money(escrow.amount, escrow.currency)),
        ("Buyer", shown(escrow.buyer_email.expose())),
        ("Seller", shown(escrow.seller_email.expose())),
    ];
    facts.extend(escrow.description.as_deref().map(|text| ("Description", shown(text))));
    facts.extend(escrow.payment.intent_id.as_deref().map(|id| ("Payment intent", shown(id))));
    let ends = escrow.payment.capture_before.map(|at| When::new(at, now));
    facts.extend(ends.map(|when| ("The hold ends", format!("{} UTC, {}", when.text, when.ago))));
    if let Some(failure) = &escrow.last_failure {
        facts.push(("Last failure", shown(&failure_text(failure))));
    }
    facts.push(("Version", escrow.version.to_string()));
    facts
}

fn failure_text(failure: &crate::domain::escrow::Failure) -> String {
    let status = failure.status.map(|status| format!("status {status}"));
    let codes = [status, failure.code.clone(), failure.decline_code.clone()];
    codes.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Move {
    fn new(entry: &Entry, currency: Currency, addresses: Addresses, now: crate::domain::millis::Millis) -> Self {
        let failure = entry.failure.as_ref().map(failure_text);
        let detail: Vec<String> = entry.reason.clone().into_iter().chain(failure).collect();
        Self {
            when: When::new(entry.at, now),
            operation: entry.operation.to_string(),
            from: entry.from.map(State::as_str),
            to: entry.to.as_str(),
            by: text::shown(&entry.by, addresses),
            amount: entry.amount.map(|amount| money(amount, currency)),
            detail: Some(text::shown(&detail.join("; "), addresses)).filter(|text| !text.is_empty()),
        }
    }
}

//! Search: by a job's id, an escrow's id, or an e-mail address of which only the hash is in the address of the page.

use askama::Template;

use super::page::{self, Shell};
use super::problem::Problem;
use super::text;
use crate::app::App;
use crate::deliveries::AddressHash;
use crate::domain::email_address::EmailAddress;
use crate::domain::id::{EscrowId, JobId};
use crate::http::{ApiError, Response};

/// Stretches of the store that are looked through for one page. Chosen: five thousand keys are well under a second.
const STRETCHES: u32 = 5;

#[derive(Template)]
#[template(path = "dashboard/search.html")]
struct Page {
    shell: Shell,
    hash: String,
    jobs: Vec<JobId>,
    escrows: Vec<EscrowId>,
    looked_at: String,
    next: Option<u64>,
}

/// Returns the query of the page that shows what a text names.
pub(super) fn query(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let address = EmailAddress::parse(text).ok();
    let hash = address.map(|address| AddressHash::of(&address));
    if let Some(hash) = hash.or_else(|| AddressHash::parse(&text.to_ascii_lowercase())) {
        return Ok(format!("find={hash}"));
    }
    if text.starts_with("esc_") && EscrowId::parse(text).is_ok() {
        return Ok(format!("escrow={text}"));
    }
    match JobId::parse(text) {
        Ok(id) => Ok(format!("job={id}")),
        Err(_) => Err(ApiError::invalid(
            "invalid_search",
            "the text names nothing; expected a job's id, an escrow's id, an e-mail address or the SHA-256 of one",
        )),
    }
}

/// Writes what names an address. At most five calls to Redis.
pub(super) async fn show(app: &App, shell: Shell, hash: &AddressHash, from: u64) -> Result<Response, Problem> {
    let mut page = Page {
        shell,
        hash: hash.to_string(),
        jobs: Vec::new(),
        escrows: Vec::new(),
        looked_at: String::new(),
        next: Some(from),
    };
    let deliveries = app.deliveries()?;
    let mut looked_at = 0;
    for _ in 0..STRETCHES {
        let Some(from) = page.next else { break };
        let found = deliveries.find(hash, from).await?;
        page.jobs.extend(found.jobs);
        page.escrows.extend(found.escrows);
        looked_at += found.looked_at;
        page.next = found.next;
    }
    // A walk through a store that changes may meet a key twice.
    page.jobs.sort();
    page.jobs.dedup();
    page.escrows.sort();
    page.escrows.dedup();
    page.looked_at = text::count(looked_at);
    Ok(page::render(&page)?)
}

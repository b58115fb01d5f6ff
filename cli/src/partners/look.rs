//! What is known of endpoints.

use holdfast::domain::email_address::EmailAddress;
use holdfast::domain::id::PartnerId;
use holdfast::partners::{Attempt, ManageError, PartnerView};
use serde_json::json;

use super::EndpointArgument;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Side, Table};
use crate::words::{number, seen_from};

pub(super) async fn show(session: &Session, id: &PartnerId) -> Result<(), Failure> {
    let partner = session.app.partners()?.read(id).await?;
    let now = session.now();
    session.answer(&PartnerView::new(id, &partner, now), || {
        let told = partner.email.as_ref().map_or("no address", EmailAddress::expose);
        let mut text = format!("{id} is told of its endpoints at {told}\n\n");
        if partner.endpoints.is_empty() {
            text.push_str("no endpoints of its own: webhooks go to WEBHOOK_URL, where that is set\n");
            return text;
        }
        let mut table = Table::new(&["endpoint", "url", "events", "state"].map(|name| (name, Side::Left)));
        for known in partner.endpoints.values() {
            let events = &known.endpoint.events;
            let events = if events.is_empty() { "all".to_owned() } else { events.join(", ") };
            table.row([
                known.id.to_string(),
                known.endpoint.url.clone(),
                events,
                known.standing().words(|at| seen_from(now, at)),
            ]);
        }
        text + &table.text()
    })
}

pub(super) async fn attempts(session: &Session, of: &EndpointArgument) -> Result<(), Failure> {
    let partners = session.app.partners()?;
    if !partners.read(&of.partner).await?.endpoints.contains_key(of.endpoint.as_str()) {
        return Err(ManageError::UnknownEndpoint.into());
    }
    let attempts = partners.attempts(Some(&of.endpoint)).await?;
    session.answer(&json!({"endpoint": of.endpoint, "attempts": attempts}), || {
        if attempts.is_empty() {
            return "nothing was delivered to it yet\n".to_owned();
        }
        let columns = [("when", Side::Left), ("status", Side::Right), ("ms", Side::Right), ("attempt", Side::Right)];
        let more = [("event", Side::Left), ("job", Side::Left), ("what it said", Side::Left)];
        let mut table = Table::new(&[&columns[..], &more[..]].concat());
        for attempt in attempts.iter().filter_map(|text| serde_json::from_str::<Attempt>(text.get()).ok()) {
            table.row([
                seen_from(session.now(), attempt.at),
                attempt.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
                number(attempt.ms),
                attempt.attempt.to_string(),
                attempt.event,
                attempt.job_id.to_string(),
                attempt.error.unwrap_or(attempt.answer),
            ]);
        }
        table.text()
    })
}

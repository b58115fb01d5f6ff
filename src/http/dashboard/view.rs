//! Which page a query asks for.
//!
//! Pages are told apart by the query and not by paths below the route's: one path is one function on both platforms, with no rewrite on the one and no
//! second route on the other.

use super::overview::Range;
use super::text;
use crate::deliveries::AddressHash;
use crate::domain::id::{EndpointId, EscrowId, JobId, ParseIdError, PartnerId};
use crate::http::jobs::dead_letter::Filter;
use crate::http::query::Query;
use crate::http::{ApiError, Request};

/// A page.
#[derive(Debug)]
pub(super) enum View {
    Overview(Range),
    Letters { filter: Filter, cursor: Option<String> },
    Job(JobId),
    Escrow(EscrowId),
    Partner { id: PartnerId, endpoint: Option<EndpointId> },
    Suppressed,
    Find { hash: AddressHash, from: u64 },
    Asset(String),
}

const KNOWN: &str = "hours; view=dead-letters with type, errorKind and cursor; view=suppressed; job; escrow; partner with endpoint; or find with from";

impl View {
    /// Reads a request's query.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        Ok(Self::with_notice(request)?.0)
    }

    /// Reads a request's query, and what came of the form before it.
    pub(super) fn with_notice(request: &Request) -> Result<(Self, Option<String>), ApiError> {
        let mut query = Query::of(request)?;
        let notice: Option<String> = query.optional("notice", "a notice")?;
        let count: u64 = query.optional("n", "a number")?.unwrap_or(0);
        let view = Self::read(&mut query)?;
        query.finish(KNOWN)?;
        Ok((view, notice.and_then(|notice| say(&notice, count))))
    }

    fn read(query: &mut Query) -> Result<Self, ApiError> {
        if let Some(name) = query.optional("asset", "a file's name")? {
            let _: Option<String> = query.optional("v", "a version")?;
            return Ok(Self::Asset(name));
        }
        if let Some(id) = query.optional::<String>("job", "a job's id")? {
            return JobId::parse(id).map(Self::Job).map_err(|error| ApiError::invalid("invalid_id", error.to_string()));
        }
        if let Some(id) = query.optional::<String>("escrow", "an escrow's id")? {
            let id = EscrowId::parse(id).map_err(|error| ApiError::invalid("invalid_id", error.to_string()));
            return id.map(Self::Escrow);
        }
        if let Some(hash) = query.optional::<String>("find", "a SHA-256")? {
            let wrong = || ApiError::invalid("invalid_field", "find is not a SHA-256, 64 hexadecimal digits");
            let hash = AddressHash::parse(&hash).ok_or_else(wrong)?;
            return Ok(Self::Find { hash, from: query.optional("from", "a number")?.unwrap_or(0) });
        }
        if let Some(id) = query.optional::<String>("partner", "a partner's id")? {
            let invalid = |error: ParseIdError| ApiError::invalid("invalid_id", error.to_string());
            let id = PartnerId::parse(id).map_err(invalid)?;
            let endpoint: Option<String> = query.optional("endpoint", "an endpoint's id")?;
            return Ok(Self::Partner { id, endpoint: endpoint.map(EndpointId::parse).transpose().map_err(invalid)? });
        }
        match query.optional::<String>("view", "dead-letters or suppressed")?.as_deref() {
            None => {
                let hours = query.optional("hours", "1, 6 or 24")?.unwrap_or(1);
                let wrong = || ApiError::invalid("invalid_field", format!("hours is {hours}, expected 1, 6 or 24"));
                Range::of_hours(hours).map(Self::Overview).ok_or_else(wrong)
            }
            Some("dead-letters") => {
                let filter = Filter::of_query(query)?;
                Ok(Self::Letters { filter, cursor: query.optional("cursor", "a text")? })
            }
            Some("suppressed") => Ok(Self::Suppressed),
            Some(_) => Err(ApiError::invalid("invalid_field", "view is not dead-letters or suppressed")),
        }
    }
}

/// Says what came of a form. The words are ours, whatever stands in the address.
fn say(notice: &str, count: u64) -> Option<String> {
    let letters = if count == 1 { "1 dead letter".to_owned() } else { format!("{} dead letters", text::count(count)) };
    let are = if count == 1 { "is" } else { "are" };
    Some(match notice {
        "paused" => "Paused: no such job is claimed until it is resumed.".to_owned(),
        "resumed" => "Resumed.".to_owned(),
        "lifted" => "Mails are sent to this address again.".to_owned(),
        "cancelled" => "Cancelled.".to_owned(),
        "redriven" => format!("{letters} {are} back in the queue."),
        "redriven-more" => format!("{letters} {are} back in the queue; there are more: go on with another step."),
        "discarded" => format!("{letters} {are} thrown away."),
        "discarded-more" => format!("{letters} {are} thrown away; there are more: go on with another step."),
        _ => return None,
    })
}

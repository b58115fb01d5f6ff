//! What is done with endpoints.

use std::io::Read;

use holdfast::domain::endpoint::{EndpointSecret, checked_events};
use holdfast::domain::id::JobId;
use holdfast::partners::{EndpointUpdate, EndpointView, KnownEndpoint, ManageError, NewEndpoint};
use serde_json::json;

use super::{Add, ChangeEndpoint, Email, EndpointArgument, SecretArgument, manager};
use crate::failure::Failure;
use crate::once::{Once, not_enqueued};
use crate::session::Session;

/// Bytes of standard input that are read for a secret. Chosen: the longest one has 94.
const MAX_SECRET_BYTES: u64 = 1_000;

pub(super) async fn add(session: &Session, add: Add) -> Result<(), Failure> {
    let Add { partner, url, events, secret } = add;
    let events = checked_events(events).map_err(|error| Failure::Usage(error.to_string()))?;
    let new = NewEndpoint { url, events, secret: secret.read()? };
    let known = manager(session, &partner).await?.create(new).await?;
    with_secret(session, &known)
}

pub(super) async fn change(session: &Session, wanted: ChangeEndpoint) -> Result<(), Failure> {
    let ChangeEndpoint { of, what } = wanted;
    let events = if what.all_events || !what.events.is_empty() {
        Some(checked_events(what.events).map_err(|error| Failure::Usage(error.to_string()))?)
    } else {
        None
    };
    let enabled = (what.enable || what.disable).then_some(what.enable);
    let update = EndpointUpdate { url: what.url, events, enabled };
    let known = manager(session, &of.partner).await?.update(&of.endpoint, update).await?;
    session.answer(&EndpointView::new(&known, session.now()), || format!("changed {}\n", known.id))
}

pub(super) async fn rotate(session: &Session, of: &EndpointArgument, secret: &SecretArgument) -> Result<(), Failure> {
    let secret = secret.read()?;
    let known = manager(session, &of.partner).await?.rotate(&of.endpoint, secret).await?;
    with_secret(session, &known)?;
    session.say("The old secret signs beside it for 24 hours.")
}

pub(super) async fn remove(session: &Session, of: &EndpointArgument, yes: bool) -> Result<(), Failure> {
    let manager = manager(session, &of.partner).await?;
    let url = &manager.endpoint(&of.endpoint)?.endpoint.url;
    if !yes && !session.confirm(&format!("{url} will be told nothing more. Remove it?"))? {
        return Err(Failure::Refused("nothing was removed; --yes does it without asking".to_owned()));
    }
    manager.remove(&of.endpoint).await?;
    session.answer(&json!({"deleted": of.endpoint}), || format!("removed {}\n", of.endpoint))
}

pub(super) async fn email(session: &Session, email: Email) -> Result<(), Failure> {
    let mut manager = manager(session, &email.partner).await?;
    let address = email.to.address;
    manager.set_email(address.clone()).await?;
    let address = address.as_ref().map(holdfast::domain::email_address::EmailAddress::expose);
    session.answer(&json!({"partner": email.partner, "email": address}), || {
        format!("{} is told at {}\n", email.partner, address.unwrap_or("no address"))
    })
}

/// Has a job's webhook sent again, or a test.
pub(super) async fn send(
    session: &Session,
    of: &EndpointArgument,
    job: Option<&JobId>,
    once: Once,
) -> Result<(), Failure> {
    let manager = manager(session, &of.partner).await?;
    let key = once.key(session)?;
    let sent = match job {
        Some(job) => manager.resend(&of.endpoint, job, Some(key.clone())).await,
        None => manager.test(&of.endpoint, Some(key.clone())).await,
    };
    let sent = sent.map_err(|error| match error {
        ManageError::Enqueue(error) => not_enqueued(error, &key),
        error => error.into(),
    })?;
    let document = json!({"jobId": sent.job_id, "webhookId": sent.webhook_id});
    session.answer(&document, || format!("{} sends it; `holdfast job` shows how it went\n", sent.job_id))
}

/// The secret alone is on standard output, so that it can be piped on.
fn with_secret(session: &Session, known: &KnownEndpoint) -> Result<(), Failure> {
    let view = EndpointView::new(known, session.now()).with_secret(known);
    session.answer(&view, || format!("{}\n", known.endpoint.secret.expose()))?;
    session.say(&format!("{} is told at {}. This is the only time its secret is shown.", known.id, known.endpoint.url))
}

impl SecretArgument {
    fn read(&self) -> Result<Option<EndpointSecret>, Failure> {
        if !self.secret_stdin {
            return Ok(None);
        }
        let mut text = String::new();
        let read = std::io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text);
        read.map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?;
        let wrong =
            |_| Failure::Usage("standard input is no secret; expected whsec_ and base64 of 24 to 64 bytes".to_owned());
        EndpointSecret::parse(text.trim()).map(Some).map_err(wrong)
    }
}

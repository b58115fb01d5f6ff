//! What an operator does with a partner's endpoints: make, change, replace a secret, remove, test, send again. Each change is on record.

use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::{Changed, Does, KnownEndpoint, Partner, PartnerChange, Partners, child_id};
use crate::domain::audit_event::{AuditedChange, Subject};
use crate::domain::email_address::EmailAddress;
use crate::domain::endpoint::{Endpoint, EndpointSecret, MAX_ENDPOINTS, MAX_URL_BYTES, TEST};
use crate::domain::id::{DedupeKey, EndpointId, JobId, PartnerId};
use crate::domain::job::{EscrowStatusChanged, JobOptions, JobType, NewJob, NewJobError, Payload};
use crate::outbound::guard::Guard;
use crate::queue::{EnqueueError, Enqueued, Recorder};
use crate::upstash::UpstashError;

/// Manages one partner's endpoints, as they stood when they were read.
#[derive(Debug)]
pub struct Manager {
    partners: Partners,
    guard: Guard,
    recorder: Recorder,
    id: PartnerId,
    partner: Partner,
}

/// An endpoint to be made.
#[derive(Debug)]
pub struct NewEndpoint {
    /// Its address.
    pub url: String,
    /// The events it is told of, checked; empty for all.
    pub events: Vec<String>,
    /// What signs; else a new one.
    pub secret: Option<EndpointSecret>,
}

/// What is to be changed of an endpoint; the rest stays.
#[derive(Debug, Default)]
pub struct EndpointUpdate {
    /// Another address.
    pub url: Option<String>,
    /// Other events, checked; empty for all.
    pub events: Option<Vec<String>>,
    /// Whether it is told anything. Enabled again, it gets another five days to answer.
    pub enabled: Option<bool>,
}

/// A webhook on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The job that sends it.
    pub job_id: JobId,
    /// Its id to the receiver.
    pub webhook_id: JobId,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The address is too long.
    #[error("url has {0} bytes, expected at most {MAX_URL_BYTES}")]
    LongUrl(usize),
    /// Webhooks may not go there.
    #[error("url is refused: {0}; expected an https address on the Internet")]
    RefusedUrl(String),
    /// Another endpoint has the address.
    #[error("the partner has an endpoint with this url; each would be told everything twice")]
    Taken,
    /// There are as many as there may be.
    #[error("the partner has {MAX_ENDPOINTS} endpoints, which are all it may have")]
    TooMany,
    /// There is no such endpoint.
    #[error("the partner has no such endpoint")]
    UnknownEndpoint,
    /// There is no such webhook.
    #[error("the partner has no such webhook; completed ones are kept for 24 hours, dead letters for 7 days")]
    UnknownWebhook,
    /// It changed since it was read.
    #[error("somebody else changed it at the same time; read it again, and decide anew")]
    Meanwhile,
    /// The record or the webhook is no job.
    #[error(transparent)]
    Job(#[from] NewJobError),
    /// The webhook was not enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    /// Redis did not take it.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

impl Partners {
    /// Reads a partner to be managed. `guard` says where its endpoints may be.
    pub async fn manage(&self, id: &PartnerId, guard: Guard, recorder: Recorder) -> Result<Manager, UpstashError> {
        let partner = self.read(id).await?;
        Ok(Manager { partners: self.clone(), guard, recorder, id: id.clone(), partner })
    }
}

impl Manager {
    /// Returns the partner, as it was read and changed since.
    pub fn partner(&self) -> &Partner {
        &self.partner
    }

    /// Returns an endpoint.
    ///
    /// # Errors
    /// Where there is none of that id.
    pub fn endpoint(&self, id: &EndpointId) -> Result<&KnownEndpoint, ManageError> {
        self.partner.endpoints.get(id.as_str()).ok_or(ManageError::UnknownEndpoint)
    }

    /// Makes an endpoint.
    pub async fn create(&self, new: NewEndpoint) -> Result<KnownEndpoint, ManageError> {
        let NewEndpoint { url, events, secret } = new;
        self.check_url(&url, None)?;
        if self.partner.endpoints.len() >= MAX_ENDPOINTS {
            return Err(ManageError::TooMany);
        }
        let (now, id) = (self.recorder.clock().now(), EndpointId::new(self.recorder.dice().bytes()));
        let secret = secret.unwrap_or_else(|| self.new_secret());
        let endpoint = Endpoint {
            url,
            events,
            secret,
            previous: None,
            older: Vec::new(),
            enabled: true,
            created_at: now,
            updated_at: now,
        };
        let version = Some(self.partner.version.as_str());
        let change =
            PartnerChange::Endpoint { id: &id, stored: None, endpoint: Some(&endpoint), version, forgets: true };
        self.change("endpoint_created", &id, (Value::Null, stands(&endpoint)), change).await?;
        Ok(KnownEndpoint { id, endpoint, stored: String::new(), does: Does::default() })
    }

    /// Changes an endpoint.
    pub async fn update(&self, id: &EndpointId, update: EndpointUpdate) -> Result<KnownEndpoint, ManageError> {
        let mut known = self.endpoint(id)?.clone();
        let before = stands(&known.endpoint);
        let moves = update.url.is_some();
        if let Some(url) = update.url {
            self.check_url(&url, Some(id))?;
            known.endpoint.url = url;
        }
        known.endpoint.events = update.events.unwrap_or(known.endpoint.events);
        known.endpoint.enabled = update.enabled.unwrap_or(known.endpoint.enabled);
        let forgets = update.enabled == Some(true);
        let version = Some(self.partner.version.as_str()).filter(|_| moves);
        let after = stands(&known.endpoint);
        self.save("endpoint_changed", &mut known, (before, after), version, forgets).await?;
        Ok(known)
    }

    /// Replaces an endpoint's secret; the old one signs beside it for a day more, also where this is repeated.
    pub async fn rotate(&self, id: &EndpointId, secret: Option<EndpointSecret>) -> Result<KnownEndpoint, ManageError> {
        let mut known = self.endpoint(id)?.clone();
        let secret = secret.unwrap_or_else(|| self.new_secret());
        known.endpoint.rotate(secret, self.recorder.clock().now());
        let until = known.endpoint.previous.as_ref().map(|previous| previous.until);
        let (before, after) = (json!({"secret": "old"}), json!({"secret": "new", "oldSecretSignsUntil": until}));
        self.save("endpoint_secret_rotated", &mut known, (before, after), None, false).await?;
        Ok(known)
    }

    /// Removes an endpoint and what is known of its deliveries.
    pub async fn remove(&self, id: &EndpointId) -> Result<(), ManageError> {
        let known = self.endpoint(id)?;
        let stored = Some(known.stored.as_str());
        let change = PartnerChange::Endpoint { id, stored, endpoint: None, version: None, forgets: true };
        self.change("endpoint_deleted", id, (stands(&known.endpoint), Value::Null), change).await
    }

    /// Sets where the partner is told of its endpoints; nothing for nowhere.
    pub async fn set_email(&mut self, email: Option<EmailAddress>) -> Result<(), ManageError> {
        // The log is kept for good: it has the address masked.
        let shown = |email: Option<&EmailAddress>| json!({"email": email.map(ToString::to_string)});
        let (before, after) = (shown(self.partner.email.as_ref()), shown(email.as_ref()));
        let subject = Subject::of("partner", &self.id);
        let record = self.recorder.record(AuditedChange::new("partner_email_changed", subject, before, after))?;
        let change = PartnerChange::Email { stored: self.partner.email.as_ref(), email: email.as_ref() };
        done(self.partners.change(&self.id, change, &record).await?)?;
        self.partner.email = email;
        Ok(())
    }

    /// Has a webhook sent that says nothing, once, to see whether it arrives. Under a dedupe key it may be repeated.
    pub async fn test(&self, id: &EndpointId, dedupe_key: Option<DedupeKey>) -> Result<Sent, ManageError> {
        let change = EscrowStatusChanged {
            escrow_id: "esc_test".to_owned(),
            status_before: "created".to_owned(),
            status_after: "authorized".to_owned(),
            occurred_at: Some(self.recorder.clock().now()),
            event: Some(TEST.to_owned()),
            partner: Some(self.id.clone()),
            endpoint: Some(self.endpoint(id)?.id.clone()),
            webhook_id: None,
        };
        let options = JobOptions { max_attempts: Some(1), dedupe_key, ..self.recorder.job_options() };
        self.enqueue(change, options).await
    }

    /// Has a webhook sent again, under the id it had, to one endpoint. Under a dedupe key it may be repeated.
    pub async fn resend(
        &self,
        id: &EndpointId,
        job: &JobId,
        dedupe_key: Option<DedupeKey>,
    ) -> Result<Sent, ManageError> {
        let endpoint = self.endpoint(id)?.id.clone();
        let view = self.partners.queue.status(job).await?.ok_or(ManageError::UnknownWebhook)?;
        let Ok(Payload::WebhookEscrowStatusChanged(mut change)) = view.document.read_payload() else {
            return Err(ManageError::UnknownWebhook);
        };
        if change.partner.as_ref() != Some(&self.id) {
            return Err(ManageError::UnknownWebhook);
        }
        let own = change.endpoint.as_ref() == Some(&endpoint);
        let webhook_id = if own { change.webhook_id.take().or(Some(job.clone())) } else { child_id(job, &endpoint) };
        change.occurred_at = change.occurred_at.or(Some(view.document.created_at));
        change.webhook_id = webhook_id;
        change.endpoint = Some(endpoint);
        self.enqueue(change, JobOptions { dedupe_key, ..self.recorder.job_options() }).await
    }

    async fn enqueue(&self, change: EscrowStatusChanged, options: JobOptions) -> Result<Sent, ManageError> {
        let now = self.recorder.clock().now();
        // A value of ours always has a text.
        let payload = to_raw_value(&change).unwrap_or_default();
        let job_id = self.recorder.dice().job_id(now);
        let job = NewJob::new(job_id, JobType::WebhookEscrowStatusChanged, payload, now, options)?;
        let enqueued = self.partners.queue.enqueue(std::slice::from_ref(&job)).await?;
        let job_id = enqueued.first().map_or(&job.document.id, Enqueued::id).clone();
        Ok(Sent { webhook_id: change.webhook_id.unwrap_or_else(|| job_id.clone()), job_id })
    }

    async fn save(
        &self,
        action: &str,
        known: &mut KnownEndpoint,
        told: (Value, Value),
        version: Option<&str>,
        forgets: bool,
    ) -> Result<(), ManageError> {
        known.endpoint.updated_at = self.recorder.clock().now();
        let stored = std::mem::take(&mut known.stored);
        let (id, endpoint) = (&known.id, Some(&known.endpoint));
        let change = PartnerChange::Endpoint { id, stored: Some(&stored), endpoint, version, forgets };
        self.change(action, &known.id, told, change).await?;
        if forgets {
            known.does = Does::default();
        }
        Ok(())
    }

    async fn change(
        &self,
        action: &str,
        id: &EndpointId,
        (before, after): (Value, Value),
        change: PartnerChange<'_>,
    ) -> Result<(), ManageError> {
        let subject = Subject::of("endpoint", &format!("{}/{id}", self.id));
        let record = self.recorder.record(AuditedChange::new(action, subject, before, after))?;
        done(self.partners.change(&self.id, change, &record).await?)
    }

    fn new_secret(&self) -> EndpointSecret {
        EndpointSecret::new(self.recorder.dice().bytes())
    }

    /// Checks an address: one that may be reached, and that no other endpoint of the partner has.
    fn check_url(&self, url: &str, own: Option<&EndpointId>) -> Result<(), ManageError> {
        if url.len() > MAX_URL_BYTES {
            return Err(ManageError::LongUrl(url.len()));
        }
        self.guard.check_text(url).map_err(ManageError::RefusedUrl)?;
        let taken = self.partner.endpoints.values().any(|known| known.endpoint.url == url && Some(&known.id) != own);
        if taken { Err(ManageError::Taken) } else { Ok(()) }
    }
}

/// What a record tells of an endpoint: never its secret.
fn stands(endpoint: &Endpoint) -> Value {
    json!({"url": endpoint.url, "events": endpoint.events, "enabled": endpoint.enabled})
}

fn done(changed: Changed) -> Result<(), ManageError> {
    match changed {
        Changed::Done => Ok(()),
        Changed::Outdated => Err(ManageError::Meanwhile),
    }
}

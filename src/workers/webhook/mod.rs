//! Webhooks: a partner's servers are told of a change, signed as in Standard Webhooks 1.0.0.
//!
//! Promises the same id and body on every attempt, a signature by each secret, no redirect followed, no address reached that is not
//! public, and no answer waited for longer than 15 seconds. The answer's status alone counts. Whether and when a failed delivery is repeated
//! is the queue's part.
//!
//! A job that names a partner is split into one job an endpoint, so that each has attempts of its own; a partner without endpoints has the
//! deployment's own, `WEBHOOK_URL`.

pub(super) mod event;
pub(super) mod sender;

use self::event::occurred_at;
use self::sender::{Hook, Sender, Sent, Target};
use super::email::EmailWorker;
use super::{Task, configured, outcome};
use crate::config::Setting;
use crate::domain::id::{EndpointId, JobId, PartnerId};
use crate::domain::job::EscrowStatusChanged;
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::edge::Clock;
use crate::measures::Measures;
use crate::partners::{Attempt, Found, Partners, Went};

/// The status that says that an endpoint is gone for good.
const GONE: u16 = 410;

/// Delivers webhooks.
#[derive(Clone, Debug)]
pub(super) struct WebhookWorker {
    pub(super) sender: Sender,
    pub(super) own: Setting<Target>,
    pub(super) partners: Partners,
    pub(super) email: Setting<EmailWorker>,
    pub(super) measures: Measures,
    pub(super) clock: Clock,
}

impl WebhookWorker {
    /// Tells whom it concerns of a change of an escrow.
    pub(super) async fn deliver(&self, task: Task<'_>, change: &EscrowStatusChanged) -> Result<(), Failure> {
        let Some(partner) = &change.partner else {
            return self.deliver_to_own(task, change).await;
        };
        if let Some(endpoint) = &change.endpoint {
            return self.deliver_to(task, change, partner, endpoint).await;
        }
        let known = self.partners.read(partner).await.map_err(|error| error.failure("the partner's endpoints"))?;
        if known.endpoints.is_empty() {
            if self.own.is_ok() {
                return self.deliver_to_own(task, change).await;
            }
            self.measures.add("webhook:nobody", 1);
            return Ok(());
        }
        let told = known.endpoints.values().filter(|known| known.is_on() && known.endpoint.wants(change.event_name()));
        let told: Vec<EndpointId> = told.map(|known| known.id.clone()).collect();
        // The body is to be the same whichever job writes it.
        let change =
            EscrowStatusChanged { occurred_at: Some(occurred_at(task.id, change, self.clock.now())), ..change.clone() };
        let split = self.partners.fan_out(task.id, &change, &told, task.traceparent).await;
        split.map_err(|error| error.failure("the partner's endpoints"))
    }

    async fn deliver_to_own(&self, task: Task<'_>, change: &EscrowStatusChanged) -> Result<(), Failure> {
        let sent = self.send(configured(&self.own)?, task, change).await;
        self.note(None, task, change, &sent).await;
        sent.result
    }

    async fn deliver_to(
        &self,
        task: Task<'_>,
        change: &EscrowStatusChanged,
        partner: &PartnerId,
        id: &EndpointId,
    ) -> Result<(), Failure> {
        let found = self.partners.find(partner, id).await.map_err(|error| error.failure("the endpoint"))?;
        let Some(known) = found.endpoint.as_ref().filter(|known| known.is_on()) else {
            return self.skip(task, id, &found).await;
        };
        let secrets = known.endpoint.secrets(self.clock.now());
        let secrets = secrets.map_err(|error| Failure::new(FailureKind::Configuration, error.to_string()))?;
        let target = Target { url: known.endpoint.url.clone(), secrets, whose: format!("of endpoint {id}") };
        let sent = self.send(&target, task, change).await;
        if let Some(at) = self.note(Some(id), task, change, &sent).await {
            tracing::warn!(job.id = %task.id, endpoint = %id, "endpoint {id} is disabled");
            self.tell(id, at, &found).await?;
        }
        sent.result
    }

    /// Ends a job whose endpoint was removed or disabled since; a partner that is not told of that yet is.
    async fn skip(&self, task: Task<'_>, id: &EndpointId, found: &Found) -> Result<(), Failure> {
        if let Some(does) = found.endpoint.as_ref().map(|known| &known.does).filter(|does| does.notice_due) {
            self.tell(id, does.disabled_at.unwrap_or_default(), found).await?;
        }
        self.measures.add("webhook:skipped", 1);
        tracing::info!(job.id = %task.id, endpoint = %id, outcome = "skipped", "endpoint {id} is disabled or gone: it is not told");
        Ok(())
    }

    async fn send(&self, target: &Target, task: Task<'_>, change: &EscrowStatusChanged) -> Sent {
        let body = event::body(task.id, change, self.clock.now());
        let id = webhook_id(task.id, change).as_str();
        let sent = self.sender.send(target, Hook { id, traceparent: task.traceparent, body: &body }).await;
        self.measures.add(format!("webhook:{}", outcome(&sent.result, "delivered")), 1);
        sent
    }

    /// Notes an attempt; tells when its endpoint was disabled, if it is now. What cannot be noted is logged: the delivery was made or not.
    async fn note(
        &self,
        endpoint: Option<&EndpointId>,
        task: Task<'_>,
        change: &EscrowStatusChanged,
        sent: &Sent,
    ) -> Option<Millis> {
        let attempt = Attempt {
            at: self.clock.now(),
            job_id: task.id.clone(),
            attempt: task.attempt,
            webhook_id: webhook_id(task.id, change).to_string(),
            event: change.event_name().to_owned(),
            status: sent.status,
            ms: u64::try_from(sent.took.as_millis()).unwrap_or(u64::MAX),
            answer: sent.answer.clone(),
            error: sent.result.as_ref().err().map(|failure| failure.message.clone()),
        };
        let went = match (&sent.result, sent.status) {
            (Ok(()), _) => Went::Delivered,
            (Err(_), Some(GONE)) => Went::Gone,
            (Err(_), _) => Went::Failed,
        };
        match self.partners.note_attempt(endpoint, &attempt, went).await {
            Ok(disabled) => disabled.map(|disabled| disabled.at),
            Err(error) => {
                tracing::warn!(job.id = %task.id, error = %error, "an attempt could not be noted");
                None
            }
        }
    }

    /// Tells a partner that its endpoint was disabled, once. While that does not work the job is tried again.
    async fn tell(&self, id: &EndpointId, at: Millis, found: &Found) -> Result<(), Failure> {
        if let (Some(to), Some(known)) = (&found.email, &found.endpoint) {
            let text = notice(&known.endpoint.url, id);
            let email = configured(&self.email)?;
            email.note(&format!("disabled-{id}-{at}"), to, "A webhook endpoint of yours was disabled", &text).await?;
        }
        self.partners.note_told(id).await.map_err(|error| error.failure("the endpoint"))
    }
}

/// Returns the webhook's id: the job's own, or that of the one that is sent again.
fn webhook_id<'a>(job: &'a JobId, change: &'a EscrowStatusChanged) -> &'a JobId {
    change.webhook_id.as_ref().unwrap_or(job)
}

fn notice(url: &str, id: &EndpointId) -> String {
    format!(
        "Your webhook endpoint {url} ({id}) answered that it is gone, or has failed for five days. It is told nothing more until it is enabled \
         again.\n\nOnce it works, ask us to enable it, and to send again what it missed.\n"
    )
}

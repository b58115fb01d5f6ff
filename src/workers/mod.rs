//! Workers: a job in, an outcome out.
//!
//! A worker does one side effect and says how it went; it never touches the queue. It may be run twice for one job, so each makes
//! sure by itself that the effect happens once: by an idempotency key, by looking first, or by a record in Redis.

mod alert;
pub mod audit;
pub mod email;
pub mod stripe;
pub mod webhook;

use serde_json::value::RawValue;

use crate::config::{Config, ConfigError, Setting};
use crate::deliveries::Deliveries;
use crate::domain::email_address::EmailAddress;
use crate::domain::id::JobId;
use crate::domain::job::{JobDocument, Payload};
use crate::domain::outcome::{Failure, FailureKind, Outcome};
use crate::edge::Clock;
use crate::escrow::{Escrows, Fallback, Finished, Origin};
use crate::measures::Measures;
use crate::partners::Partners;
use crate::queue::Queue;
use crate::upstash::Upstash;
use crate::upstash::keys::Keys;

pub use alert::Notice;

use audit::AuditLog;
use audit::supabase::Supabase;
use email::EmailWorker;
use stripe::StripeWorker;
use webhook::WebhookWorker;
use webhook::sender::{Sender, Target};

/// What a worker is told of a job.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The job's id: the idempotency key of whatever is sent.
    pub id: &'a JobId,
    /// Which attempt this is; the first is 1.
    pub attempt: u32,
    /// What it is about.
    pub payload: &'a Payload,
    /// W3C trace context of the request that caused the job.
    pub traceparent: Option<&'a str>,
}

/// All workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workers {
    email: Setting<EmailWorker>,
    stripe: Setting<StripeWorker>,
    webhook: WebhookWorker,
    audit: AuditLog,
    supabase: Option<Setting<Supabase>>,
    alert_email: Option<EmailAddress>,
    alert_webhook: Option<Setting<Target>>,
    escrows: Escrows,
    measures: Measures,
}

impl Workers {
    /// Makes the workers; what is not configured is an error only of the jobs that need it.
    pub fn new(
        config: &Config,
        http: &reqwest::Client,
        upstash: &Upstash,
        keys: &Keys,
        clock: &Clock,
        escrows: Escrows,
    ) -> Self {
        let email = config.email.clone().map(|email| {
            let deliveries = Deliveries::new(upstash.clone(), keys.clone());
            EmailWorker::new(&email, http.clone(), deliveries, upstash.measures().clone(), clock.clone())
        });
        let queue = Queue::new(upstash.clone(), keys.clone(), clock.clone());
        // With malformed keys nothing gets here: there is no queue to claim from.
        let queue = queue.sealed_by(config.payload_keys.clone().ok().flatten());
        let webhook = WebhookWorker {
            sender: Sender::new(config, clock.clone()),
            own: config.webhook.clone().map(Target::from),
            partners: Partners::new(upstash.clone(), queue, clock.clone()),
            email: email.clone(),
            measures: upstash.measures().clone(),
            clock: clock.clone(),
        };
        let alert = config.alert.as_ref().ok();
        Self {
            email,
            stripe: config.stripe.clone().map(|stripe| StripeWorker::new(stripe, http.clone(), clock.clone())),
            webhook,
            audit: AuditLog::new(upstash.clone(), keys.clone(), clock.clone()),
            supabase: config
                .supabase
                .clone()
                .map(|supabase| supabase.map(|supabase| Supabase::new(supabase, http.clone(), clock.clone()))),
            alert_email: alert.and_then(|alert| alert.email.clone()),
            alert_webhook: alert.and_then(|alert| alert.webhook.clone()).map(|webhook| webhook.map(Target::from)),
            escrows,
            measures: upstash.measures().clone(),
        }
    }

    /// Returns what the workers measured and is still to be put into Redis.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// Runs a job as the processor hands it over.
    pub async fn handle(self, attempt: u32, document: JobDocument, payload: Payload) -> Outcome {
        let traceparent = document.traceparent.as_deref();
        self.run(Task { id: &document.id, attempt, payload: &payload, traceparent }).await
    }

    /// Does the side effect of one job.
    pub async fn run(&self, task: Task<'_>) -> Outcome {
        match self.try_run(task).await {
            Ok(()) => Outcome::Completed,
            Err(failure) => Outcome::Failed(failure),
        }
    }

    async fn try_run(&self, task: Task<'_>) -> Result<(), Failure> {
        match task.payload {
            Payload::SendReleaseEmail(_)
            | Payload::SendRefundEmail(_)
            | Payload::SendDisputeEmail(_)
            | Payload::SendPaymentConfirmedEmail(_)
            | Payload::NotifyDisputeResolved(_) => configured(&self.email)?.send(task).await,
            Payload::StripeCapturePayment(capture) => {
                let fallback = Fallback { captures: true, key: capture.idempotency_key.as_deref() };
                match self.finish(task, capture.escrow_id.as_deref(), fallback).await {
                    Finished::UnknownEscrow => configured(&self.stripe)?.capture(capture).await,
                    Finished::Ended => Ok(()),
                    Finished::Failed(failure) => Err(failure),
                }
            }
            Payload::StripeRefundPayment(refund) => {
                let fallback = Fallback { captures: false, key: refund.idempotency_key.as_deref() };
                match self.finish(task, refund.escrow_id.as_deref(), fallback).await {
                    Finished::UnknownEscrow => configured(&self.stripe)?.refund(task.id, refund).await,
                    Finished::Ended => Ok(()),
                    Finished::Failed(failure) => Err(failure),
                }
            }
            Payload::WebhookEscrowStatusChanged(change) => self.webhook.deliver(task, change).await,
            Payload::AuditLogCreated(audit) => self.record(task.id, &audit.event_data).await,
        }
    }

    /// Writes an audit record: into the log, and as a row where that is set up. Each is done once, whichever of them a run comes to.
    async fn record(&self, job_id: &JobId, event: &RawValue) -> Result<(), Failure> {
        let recorded = self.audit.append(job_id, event).await?;
        let Some(supabase) = &self.supabase else { return Ok(()) };
        let supabase = configured(supabase)?;
        let gone =
            || Failure::new(FailureKind::Rejected, "the audit record was removed from the log before it became a row");
        supabase.insert(job_id, event, &recorded.ok_or_else(gone)?).await
    }

    /// Ends an escrow's operation. A job about no escrow of ours is another producer's, and stands for itself.
    async fn finish(&self, task: Task<'_>, escrow_id: Option<&str>, fallback: Fallback<'_>) -> Finished {
        match escrow_id {
            Some(id) => {
                let origin = Origin { request_id: Some(task.id.as_str()), traceparent: task.traceparent };
                self.escrows.finish(id, fallback, origin).await
            }
            None => Finished::UnknownEscrow,
        }
    }
}

/// Names how a delivery went, for the counters.
fn outcome<T>(result: &Result<T, Failure>, done: &'static str) -> &'static str {
    result.as_ref().err().map_or(done, |failure| failure.kind.as_str())
}

/// Returns the worker, or the failure that names the variable it lacks.
fn configured<W>(worker: &Setting<W>) -> Result<&W, Failure> {
    worker.as_ref().map_err(|error: &ConfigError| Failure::new(FailureKind::Configuration, error.to_string()))
}

//! Holdfast as its functions run it: one thread, one client, the real queue and processor, a handler that does nothing.

use std::sync::Arc;
use std::time::Duration;

use bench_driver::{Done, Look, Outcome, Peer};
use holdfast::config::{Secret, UpstashConfig};
use holdfast::domain::job::{JobOptions, JobType, NewJob, Payload};
use holdfast::domain::outcome::Outcome as Ended;
use holdfast::edge::{Clock, Dice};
use holdfast::outbound;
use holdfast::processor::{BatchRequest, Processor, TimeBox};
use holdfast::queue::Queue;
use holdfast::upstash::Upstash;
use holdfast::upstash::keys::Keys;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::children::TOKEN;

/// Jobs in one claim: the most there may be.
const CLAIM_LIMIT: u32 = 250;

/// Longer than any measurement.
const LONG: Duration = Duration::from_mins(5);

/// How long a worker that found nothing waits for a job of its own process before it looks again. Chosen: what others add is found at once.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// One function instance, or one resident worker.
#[derive(Clone)]
pub(crate) struct Holdfast<const OVER_RESP: bool>(Queue);

/// Over REST, as the functions do it.
pub(crate) type OverRest = Holdfast<false>;

/// Straight over Redis' own protocol, as `holdfast work` can.
pub(crate) type OverResp = Holdfast<true>;

impl<const OVER_RESP: bool> Peer for Holdfast<OVER_RESP> {
    async fn open(_: &str, port: u16) -> Outcome<Self> {
        let upstash = if OVER_RESP {
            Upstash::over_redis(&Secret::new(format!("redis://127.0.0.1:{port}")))?
        } else {
            let config = UpstashConfig { url: format!("http://127.0.0.1:{port}"), token: Secret::new(TOKEN) };
            Upstash::new(&config, outbound::client()?)?
        };
        Ok(Self(Queue::new(upstash, Keys::new(""), Clock::Real)))
    }

    async fn add(&self, _: u64, count: u64, data: &str) -> Outcome<()> {
        let now = Clock::Real.now();
        let payload = RawValue::from_string(format!(r#"{{"eventData":{data}}}"#))?;
        let job = |_| {
            let id = Dice::Real.job_id(now);
            NewJob::new(id, JobType::AuditLogCreated, payload.clone(), now, JobOptions::default())
        };
        let jobs = (0..count).map(job).collect::<Result<Vec<_>, _>>()?;
        self.0.enqueue(&jobs).await?;
        Ok(())
    }

    async fn work(&self, done: Arc<Done>, look: Look) -> Outcome<()> {
        let processor = Processor::new(self.0.clone(), Dice::Real);
        loop {
            let time_box = TimeBox::of(LONG);
            let request =
                BatchRequest { types: JobType::ALL.to_vec(), limit: CLAIM_LIMIT, time_box, until_empty: true };
            let counted = Arc::clone(&done);
            let handler = move |_, _, _: Payload| {
                counted.handled();
                async { Ended::Completed }
            };
            let completed = processor.process_batch(&request, handler).await?.all.completed;
            done.settled_oldest(completed);
            if completed == 0 {
                if look == Look::Once {
                    return Ok(());
                }
                let _ = timeout(LOOK_AGAIN, done.added.notified()).await;
            }
        }
    }
}

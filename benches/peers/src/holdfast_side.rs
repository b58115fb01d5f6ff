//! Holdfast as its functions run it: one thread, one client, the real queue and processor, a handler that does nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Outcome;

/// Jobs in one claim: the most there may be.
const CLAIM_LIMIT: u32 = 250;

/// Longer than any measurement.
const LONG: Duration = Duration::from_mins(5);

/// One function instance.
pub(crate) struct Holdfast {
    runtime: Runtime,
    queue: Queue,
    payload: Box<RawValue>,
}

impl Holdfast {
    pub(crate) fn connect(url: &str, token: &str, payload: &str) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let config = UpstashConfig { url: url.to_owned(), token: Secret::new(token) };
        let upstash = Upstash::new(&config, outbound::client()?)?;
        let queue = Queue::new(upstash, Keys::new(""), Clock::Real);
        Ok(Self { runtime, queue, payload: RawValue::from_string(payload.to_owned())? })
    }

    /// Enqueues in bulks, `in_flight` of them on their way at once; answers in seconds.
    pub(crate) fn enqueue(&self, jobs: usize, bulk: usize, in_flight: usize) -> Outcome<f64> {
        let start = Instant::now();
        self.runtime.block_on(async {
            let mut lanes = JoinSet::new();
            for lane in 0..in_flight {
                let (queue, payload) = (self.queue.clone(), self.payload.clone());
                let calls = jobs / bulk / in_flight + usize::from(lane < jobs / bulk % in_flight);
                lanes.spawn(async move {
                    for _ in 0..calls {
                        queue.enqueue(&new_jobs(&payload, bulk)?).await.map_err(|error| error.to_string())?;
                    }
                    Ok::<_, String>(())
                });
            }
            while let Some(lane) = lanes.join_next().await {
                lane??;
            }
            Outcome::Ok(())
        })?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Processes until so many jobs are completed; answers in seconds.
    pub(crate) fn work(&self, jobs: u64) -> Outcome<f64> {
        let start = Instant::now();
        let mut completed = 0;
        while completed < jobs {
            completed += self.run(LONG, true)?;
        }
        Ok(start.elapsed().as_secs_f64())
    }

    /// Runs one time box; answers how many jobs were completed.
    pub(crate) fn run(&self, length: Duration, until_empty: bool) -> Outcome<u64> {
        self.runtime.block_on(run(&self.queue, length, until_empty))
    }

    /// Enqueues a job every `every`, with a processor that each one wakes; answers how long each took until it was completed.
    pub(crate) fn pace(&self, jobs: usize, every: Duration) -> Outcome<Vec<Duration>> {
        let waiting: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let woken = Arc::new(Notify::new());
        let (queue, payload, begun, wake) =
            (self.queue.clone(), self.payload.clone(), Arc::clone(&waiting), Arc::clone(&woken));
        self.runtime.block_on(async {
            let producer = tokio::spawn(async move {
                let mut ticks = tokio::time::interval(every);
                let mut calls = JoinSet::new();
                for _ in 0..jobs {
                    ticks.tick().await;
                    let (queue, jobs, begun, wake) =
                        (queue.clone(), new_jobs(&payload, 1)?, Arc::clone(&begun), Arc::clone(&wake));
                    calls.spawn(async move {
                        lock(&begun).push(Instant::now());
                        let answer = queue.enqueue(&jobs).await.map_err(|error| error.to_string());
                        wake.notify_one();
                        answer
                    });
                }
                while let Some(call) = calls.join_next().await {
                    call.map_err(|error| error.to_string())??;
                }
                Ok::<_, String>(())
            });
            let mut took = Vec::with_capacity(jobs);
            while took.len() < jobs {
                woken.notified().await;
                // One round a run: when it returns, exactly those it completed are done.
                loop {
                    let completed = run(&self.queue, LONG, false).await?;
                    if completed == 0 {
                        break;
                    }
                    let done = usize::try_from(completed)?;
                    // First in, first out: the oldest ones are those.
                    took.extend(lock(&waiting).drain(..done).map(|begun| begun.elapsed()));
                }
            }
            producer.await??;
            Ok(took)
        })
    }
}

async fn run(queue: &Queue, length: Duration, until_empty: bool) -> Outcome<u64> {
    let processor = Processor::new(queue.clone(), Dice::Real);
    let time_box = TimeBox::of(length);
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: CLAIM_LIMIT, time_box, until_empty };
    let handler = |_, _, _: Payload| async { Ended::Completed };
    Ok(processor.process_batch(&request, handler).await?.all.completed)
}

fn new_jobs(payload: &RawValue, count: usize) -> Result<Vec<NewJob>, String> {
    let now = Clock::Real.now();
    let job = |_| {
        let id = Dice::Real.job_id(now);
        NewJob::new(id, JobType::AuditLogCreated, payload.to_owned(), now, JobOptions::default())
    };
    (0..count).map(job).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn lock(waiting: &Mutex<Vec<Instant>>) -> std::sync::MutexGuard<'_, Vec<Instant>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

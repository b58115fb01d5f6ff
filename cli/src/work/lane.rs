//! One claim after the other: the lane that looks for work, and those that help it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast::app::App;
use holdfast::domain::job::JobType;
use holdfast::http::jobs::look_at_alerts;
use holdfast::processor::{BatchReport, BatchRequest, Processor, Stop, TimeBox, TypeReport};
use holdfast::upstash::UpstashError;
use holdfast::workers::Workers;
use tokio::sync::Notify;

use super::health::HealthFile;
use super::idle::Idle;
use crate::failure::Failure;

/// What all lanes share.
pub(super) struct Shared {
    app: App,
    processor: Processor,
    workers: Workers,
    types: Vec<JobType>,
    limit: u32,
    length: Duration,
    stop: Stop,
    health: HealthFile,
    /// Rung when a claim was full, so that there most likely is more than it.
    bell: Arc<Notify>,
    answered: AtomicBool,
    /// The last minute in which alerts were looked at.
    looked: AtomicI64,
    sums: Mutex<TypeReport>,
}

impl Shared {
    pub(super) fn new(
        app: &App,
        types: Vec<JobType>,
        limit: u32,
        length: Duration,
        stop: Stop,
        health: HealthFile,
    ) -> Result<Self, Failure> {
        Ok(Self {
            app: app.clone(),
            processor: app.processor()?.stopped_by(stop.clone()),
            workers: app.workers()?,
            types,
            limit,
            length,
            stop,
            health,
            bell: Arc::default(),
            answered: AtomicBool::default(),
            looked: AtomicI64::default(),
            sums: Mutex::default(),
        })
    }

    /// Returns what all lanes did.
    pub(super) fn sums(&self) -> TypeReport {
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn batch(&self) -> Result<BatchReport, UpstashError> {
        let request = BatchRequest {
            types: self.types.clone(),
            limit: self.limit,
            time_box: TimeBox::to_the_last_handler(self.length),
            until_empty: true,
        };
        let (workers, bell, limit) = (self.workers.clone(), Arc::clone(&self.bell), self.limit);
        let begun = Arc::new(AtomicU32::new(0));
        let batch = self.processor.process_batch(&request, move |attempt, document, payload| {
            if (begun.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(limit) {
                bell.notify_waiters();
            }
            workers.clone().handle(attempt, document, payload)
        });
        let report = batch.await?;
        self.answered.store(true, Ordering::Relaxed);
        self.health.fresh();
        self.add(&report);
        Ok(report)
    }

    fn add(&self, report: &BatchReport) {
        let now = &report.all;
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        *sums += *now;
        if now.processed + now.released > 0 {
            tracing::info!(
                processed = now.processed,
                completed = now.completed,
                retried = now.retried,
                dead_lettered = now.dead_lettered,
                released = now.released,
                duration_ms = report.duration_ms,
                more = report.more,
                "processed {} jobs",
                now.processed
            );
        }
    }

    /// Looks at alerts as the route does, at most once a minute.
    async fn look(&self, report: &BatchReport) {
        let minute = self.app.clock().now().0 / 60_000;
        if self.looked.swap(minute, Ordering::Relaxed) != minute {
            look_at_alerts(&self.app, report).await;
        }
    }

    /// Judges a failed call: what may pass is logged and waited for; an address or password that was never right is the end.
    fn judge(&self, error: UpstashError) -> Result<(), Failure> {
        if matches!(error, UpstashError::Refused(_)) && !self.answered.load(Ordering::Relaxed) {
            return Err(error.into());
        }
        tracing::warn!(error = %error, "Redis did not do it; what was claimed comes back when its lease lapses");
        Ok(())
    }
}

/// One lane.
pub(super) struct Lane {
    shared: Arc<Shared>,
    idle: Idle,
}

impl Lane {
    pub(super) fn new(shared: Arc<Shared>, idle: Idle) -> Self {
        Self { shared, idle }
    }

    /// Looks for work until it is told to stop, seldom while there is none.
    pub(super) async fn watch(mut self) -> Result<(), Failure> {
        while self.shared.stop.told().is_none() {
            match self.shared.batch().await {
                Ok(report) => {
                    self.shared.look(&report).await;
                    if report.all.processed > 0 || report.more {
                        self.idle.found();
                    }
                    if !report.more {
                        let wait = self.idle.nothing();
                        self.rest(wait).await;
                    }
                }
                Err(error) => self.failed(error).await?,
            }
        }
        Ok(())
    }

    /// Works when there is more than one lane can take, until there is none.
    pub(super) async fn help(mut self) -> Result<(), Failure> {
        while self.shared.stop.told().is_none() {
            let rung = self.shared.bell.notified();
            tokio::select! {
                () = rung => {}
                () = self.shared.stop.wait() => break,
            }
            while self.shared.stop.told().is_none() {
                match self.shared.batch().await {
                    Ok(report) if report.more => self.idle.found(),
                    Ok(_) => break,
                    Err(error) => self.failed(error).await?,
                }
            }
        }
        Ok(())
    }

    async fn failed(&mut self, error: UpstashError) -> Result<(), Failure> {
        self.shared.judge(error)?;
        let wait = self.idle.failed();
        self.rest(wait).await;
        Ok(())
    }

    /// Waits so long, or until it is told to stop.
    async fn rest(&self, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.shared.stop.wait()).await;
    }
}

//! What a worker is done with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// Counts jobs, and takes the time of those that somebody waits for.
#[derive(Debug, Default)]
pub struct Done {
    handled: AtomicU64,
    settled: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Instant>>,
    took_ms: Mutex<Vec<f64>>,
    news: Notify,
    /// Rung when a job was added by this process.
    pub added: Notify,
}

impl Done {
    /// A handler ended.
    pub fn handled(&self) {
        self.handled.fetch_add(1, Ordering::Relaxed);
    }

    /// The queue knows that job `n` is done.
    pub fn settled(&self, n: u64) {
        let begun = lock(&self.waiting).remove(&n);
        self.settle(1, begun);
    }

    /// The queue knows that the oldest `count` are done: for one that keeps their order.
    pub fn settled_oldest(&self, count: u64) {
        for _ in 0..count {
            let begun = lock(&self.waiting).pop_first().map(|(_, begun)| begun);
            self.settle(1, begun);
        }
    }

    /// Handlers that have ended.
    #[must_use]
    pub fn handled_count(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// From now on job `n` is waited for.
    pub(crate) fn begin(&self, n: u64) {
        lock(&self.waiting).insert(n, Instant::now());
    }

    /// Returns once so many jobs are known to be done.
    pub(crate) async fn reached(&self, jobs: u64) {
        while self.settled.load(Ordering::Relaxed) < jobs {
            self.news.notified().await;
        }
    }

    /// What each job that was waited for took, in milliseconds.
    pub(crate) fn took_ms(&self) -> Vec<f64> {
        lock(&self.took_ms).clone()
    }

    fn settle(&self, count: u64, begun: Option<Instant>) {
        if let Some(begun) = begun {
            lock(&self.took_ms).push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        self.settled.fetch_add(count, Ordering::Relaxed);
        self.news.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

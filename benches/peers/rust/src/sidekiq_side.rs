//! rusty-sidekiq, with its defaults but for the number of workers.

use std::sync::Arc;

use async_trait::async_trait;
use bb8::Pool;
use bench_driver::{Done, Look, Outcome, Peer};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sidekiq::{Processor, ProcessorConfig, RedisConnectionManager, RedisPool, Worker, opts};

use crate::CONCURRENCY;

#[derive(Debug, Deserialize, Serialize)]
struct Job {
    n: u64,
    data: Box<RawValue>,
}

#[derive(Clone)]
struct Handler(Arc<Done>);

#[async_trait]
impl Worker<Job> for Handler {
    async fn perform(&self, job: Job) -> sidekiq::Result<()> {
        self.0.handled();
        self.0.settled(job.n);
        Ok(())
    }
}

#[derive(Clone)]
pub(crate) struct Sidekiq {
    name: String,
    pool: RedisPool,
}

impl Peer for Sidekiq {
    async fn open(name: &str, port: u16) -> Outcome<Self> {
        let manager = RedisConnectionManager::new(format!("redis://127.0.0.1:{port}"))?;
        // A connection for each worker that waits, and some for what else there is.
        let size = u32::try_from(CONCURRENCY + 10)?;
        let pool = Pool::builder().max_size(size).build(manager).await?;
        Ok(Self { name: name.to_owned(), pool })
    }

    /// It has no call for many: they are on their way at once, on as many connections as there are.
    async fn add(&self, first: u64, count: u64, data: &str) -> Outcome<()> {
        let data = RawValue::from_string(data.to_owned())?;
        let calls = (first..first + count).map(|n| {
            let job = Job { n, data: data.clone() };
            opts().queue(self.name.as_str()).perform_async(&self.pool, Handler::class_name(), job)
        });
        try_join_all(calls).await?;
        Ok(())
    }

    async fn work(&self, done: Arc<Done>, _: Look) -> Outcome<()> {
        let config = ProcessorConfig::default().num_workers(CONCURRENCY);
        let mut processor = Processor::new(self.pool.clone(), vec![self.name.clone()]).with_config(config);
        processor.register(Handler(done));
        processor.run().await;
        Ok(())
    }
}

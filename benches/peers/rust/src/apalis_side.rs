//! apalis over Redis, with its defaults.

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::{Config, ConnectionManager, RedisStorage, connect};
use bench_driver::{Done, Look, Outcome, Peer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::CONCURRENCY;

/// Milliseconds between two looks for jobs where latency is measured. Chosen: one that users would take.
const USUAL_MS: u64 = 100;

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Task {
    n: u64,
    data: Box<RawValue>,
}

async fn handle(task: Task, done: Data<Arc<Done>>) -> Result<(), BoxDynError> {
    done.handled();
    done.settled(task.n);
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Apalis(RedisStorage<Task, ConnectionManager>);

impl Peer for Apalis {
    async fn open(name: &str, port: u16) -> Outcome<Self> {
        let connection = connect(format!("redis://127.0.0.1:{port}")).await?;
        Ok(Self(RedisStorage::new(connection).with_config(Config::default().queue(name))))
    }

    async fn add(&self, first: u64, count: u64, data: &str) -> Outcome<()> {
        let data = RawValue::from_string(data.to_owned())?;
        let mut tasks: Vec<Task> = (first..first + count).map(|n| Task { n, data: data.clone() }).collect();
        let mut storage = self.0.clone();
        match tasks.pop() {
            Some(task) if tasks.is_empty() => storage.push(task).await?,
            Some(last) => {
                tasks.push(last);
                storage.push_bulk(tasks).await?;
            }
            None => {}
        }
        Ok(())
    }

    async fn work(&self, done: Arc<Done>, look: Look) -> Outcome<()> {
        let every = Duration::from_millis(match look {
            Look::AtOnce => 1,
            Look::Usual => USUAL_MS,
            // What its heartbeat makes of it where no interval is set.
            Look::Idle | Look::Once => 30_000,
        });
        let storage = self.0.clone().poll_with_interval(every);
        let runtime = Handle::current();
        // The future of a worker cannot be sent to another thread where it is parallel. Its own thread ends it when this one is dropped.
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::task::spawn_blocking(move || {
            let worker = WorkerBuilder::new(format!("worker-{}", std::process::id()))
                .backend(storage)
                .data(done)
                .concurrency(CONCURRENCY)
                .parallelize(tokio::spawn)
                .build(handle);
            runtime.block_on(async {
                tokio::select! {
                    ended = worker.run() => ended.map_err(|error| error.to_string()),
                    _ = stopped => Ok(()),
                }
            })
        });
        let ended = ended.await?;
        drop(stop);
        Ok(ended?)
    }
}

//! A minute with nothing to do, for all at once: each has a Redis to itself, so that their commands are told apart.

use std::thread;
use std::time::{Duration, Instant};

use devkit::redis::{RedisOptions, RedisServer};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::bench::{Bench, By};
use crate::redis::Redis;
use crate::stats::{Samples, count};

/// A cron's interval.
const IDLE: Duration = Duration::from_mins(1);

/// A tick of the cron for Holdfast, a waiting worker with its defaults for the others.
pub(crate) fn minute(bench: &mut Bench, runtime: &Runtime, samples: &mut Samples) -> Outcome<()> {
    let mut waiting = Vec::new();
    for side in bench.sides() {
        if side.is_ours() {
            continue;
        }
        let server = runtime.block_on(RedisServer::start(RedisOptions::default()))?;
        let mut redis = Redis::connect(server.addr().port())?;
        let worker = &mut bench.pair(side)?.worker;
        worker.ask("open", json!({"name": "idle", "port": server.addr().port()}))?;
        worker.ask("startIdle", json!({}))?;
        // What a worker does when it starts is not idleness.
        thread::sleep(Duration::from_secs(2));
        waiting.push((side, redis.command_count()?, redis, server));
    }
    let end = Instant::now() + IDLE;
    for side in bench.sides().into_iter().filter(|side| side.is_ours()) {
        bench.open(side, By::Direct)?;
        // The script is known from here on, as it is to a server that has run for a while.
        bench.pair(side)?.worker.ask("tick", json!({}))?;
        let before = bench.redis.command_count()?;
        bench.pair(side)?.worker.ask("tick", json!({}))?;
        samples.add(&format!("{}.idle", side.name()), count(bench.redis.command_count()? - before));
        bench.close(side)?;
    }
    thread::sleep(end.saturating_duration_since(Instant::now()));
    for (side, before, mut redis, server) in waiting {
        samples.add(&format!("{}.idle", side.name()), count(redis.command_count()? - before));
        bench.pair(side)?.worker.ask("close", json!({}))?;
        drop(server);
    }
    Ok(())
}

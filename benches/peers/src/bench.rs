//! The run: each thing measured once a round, the queues in turn.

use std::path::Path;

use serde_json::{Value, json};

use crate::Outcome;
use crate::children::{Driver, Upstash, cpu_micros};
use crate::delay::{Relay, Speaks};
use crate::redis::Redis;
use crate::sides::{Programs, Side};

/// What jobs carry where nothing else is said: 100 bytes with what ours has around it.
pub(crate) const DATA: &str =
    r#"{"text":"the quick brown fox jumps over the lazy dog and does so once more, every day."}"#;

/// Jobs in a bulk.
pub(crate) const BULK: u64 = 100;

/// Bulks on their way at once, where both ends work at the same time.
pub(crate) const IN_FLIGHT: u64 = 4;

/// Everything that runs.
pub(crate) struct Bench {
    pub(crate) redis: Redis,
    pub(crate) port: u16,
    pub(crate) programs: Programs,
    pub(crate) relay_to_redis: Relay,
    pub(crate) relay_to_rest: Relay,
    redis_pid: u32,
    upstash: Upstash,
    pairs: Vec<(Side, Pair)>,
    queues: u32,
    /// The last job that was put in by hand.
    pub(crate) serial: u64,
}

/// A queue's two processes.
pub(crate) struct Pair {
    pub(crate) producer: Driver,
    pub(crate) worker: Driver,
}

/// How a process reaches the server.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Direct,
    Relay,
}

impl Bench {
    pub(crate) fn start(port: u16, upstash: &Path, programs: Programs, sides: &[Side]) -> Outcome<Self> {
        let mut redis = Redis::connect(port)?;
        let redis_pid = redis.info("process_id")?.parse()?;
        let upstash = Upstash::start(upstash, port)?;
        let mut pairs = Vec::new();
        for &side in sides {
            pairs.push((side, Pair { producer: programs.start(side)?, worker: programs.start(side)? }));
        }
        let (relay_to_redis, relay_to_rest) =
            (Relay::start(port, Speaks::Redis)?, Relay::start(upstash.port, Speaks::Http)?);
        Ok(Self {
            redis,
            port,
            programs,
            relay_to_redis,
            relay_to_rest,
            redis_pid,
            upstash,
            pairs,
            queues: 0,
            serial: 0,
        })
    }

    pub(crate) fn sides(&self) -> Vec<Side> {
        self.pairs.iter().map(|(side, _)| *side).collect()
    }

    pub(crate) fn pair(&mut self, side: Side) -> Outcome<&mut Pair> {
        let found = self.pairs.iter_mut().find(|(of, _)| *of == side);
        Ok(&mut found.ok_or("a queue that was not started")?.1)
    }

    pub(crate) fn relay(&self, side: Side) -> &Relay {
        if side == Side::Rest { &self.relay_to_rest } else { &self.relay_to_redis }
    }

    /// The port at which `side` finds its server.
    pub(crate) fn port_of(&self, side: Side, by: By) -> u16 {
        match (by, side) {
            (By::Relay, _) => self.relay(side).port,
            (By::Direct, Side::Rest) => self.upstash.port,
            (By::Direct, _) => self.port,
        }
    }

    /// An empty Redis, and a queue of a new name that both processes know; the worker reaches it as `by` says, the producer directly.
    pub(crate) fn open(&mut self, side: Side, by: By) -> Outcome<Value> {
        self.redis.flush()?;
        self.queues += 1;
        let near = json!({"name": format!("bench-{}", self.queues), "port": self.port_of(side, By::Direct)});
        let mut far = near.clone();
        far["port"] = json!(self.port_of(side, by));
        let pair = self.pair(side)?;
        pair.producer.ask("open", near)?;
        pair.worker.ask("open", far.clone())?;
        Ok(far)
    }

    pub(crate) fn close(&mut self, side: Side) -> Outcome<()> {
        let pair = self.pair(side)?;
        pair.worker.ask("close", json!({}))?;
        pair.producer.ask("close", json!({})).map(drop)
    }

    /// CPU time so far, in microseconds: Redis, the REST server, the queue's two processes.
    pub(crate) fn cpu(&mut self, side: Side) -> Outcome<[u64; 3]> {
        let rest = if side == Side::Rest { cpu_micros(self.upstash.pid())? } else { 0 };
        let redis = cpu_micros(self.redis_pid)?;
        let pair = self.pair(side)?;
        Ok([redis, rest, cpu_micros(pair.producer.pid())? + cpu_micros(pair.worker.pid())?])
    }
}

/// Adds so many jobs with so much data.
pub(crate) fn jobs(jobs: u64, bulk: u64, in_flight: u64, data: &Value) -> Value {
    json!({"jobs": jobs, "bulk": bulk, "inFlight": in_flight, "data": data})
}

/// The usual data.
pub(crate) fn data() -> Value {
    serde_json::from_str(DATA).unwrap_or_default()
}

//! What is measured of every queue in each round.

use std::time::Instant;

use serde_json::json;

use crate::Outcome;
use crate::bare;
use crate::bench::{BULK, Bench, By, IN_FLIGHT, data, jobs};
use crate::sides::Side;
use crate::stats::{Samples, count, quantile};

const SINGLE_JOBS: u64 = 1_000;
const PACED_JOBS: u64 = 300;

/// Milliseconds between two jobs where latency is measured.
pub(crate) const PACE_MS: u64 = 5;

/// Jobs by which commands and calls are counted.
const COUNTED_JOBS: u64 = 2_000;

impl Bench {
    /// Enqueue alone, then process alone: jobs a second, and memory.
    pub(crate) fn apart(&mut self, samples: &mut Samples, side: Side) -> Outcome<()> {
        let name = side.name();
        self.open(side, By::Direct)?;
        let single = self.pair(side)?.producer.ask_number("add", jobs(SINGLE_JOBS, 1, 1, &data()), "seconds")?;
        samples.add(&format!("{name}.single"), count(SINGLE_JOBS) / single);
        self.close(side)?;
        self.open(side, By::Direct)?;
        let memory = self.redis.memory()?;
        let bulk = self.pair(side)?.producer.ask_number("add", jobs(side.jobs(), BULK, 1, &data()), "seconds")?;
        samples.add(&format!("{name}.bulk"), count(side.jobs()) / bulk);
        samples.add(&format!("{name}.memory"), count(self.redis.memory()? - memory) / count(side.jobs()));
        let worker = &mut self.pair(side)?.worker;
        worker.ask("start", json!({}))?;
        let work = worker.ask_number("wait", json!({"jobs": side.jobs()}), "seconds")?;
        samples.add(&format!("{name}.work"), count(side.jobs()) / work);
        self.close(side)
    }

    /// A producer and a worker at the same time, from the first job in to the last one out.
    pub(crate) fn flow(&mut self, samples: &mut Samples, side: Side) -> Outcome<()> {
        let name = side.name();
        let jobs_done = side.jobs();
        self.open(side, By::Direct)?;
        let cpu = self.cpu(side)?;
        let rate = self.flow_of(side, jobs(jobs_done, BULK, IN_FLIGHT, &data()))?;
        samples.add(&format!("{name}.flow"), rate);
        let spent = self.cpu(side)?.into_iter().zip(cpu).map(|(now, before)| count(now - before) / count(jobs_done));
        for (process, spent) in ["redis", "rest", "program"].into_iter().zip(spent.clone()) {
            if process == "rest" && side != Side::Rest {
                continue;
            }
            samples.add(&format!("{name}.cpu.{process}"), spent);
        }
        samples.add(&format!("{name}.cpu"), spent.sum());
        self.close(side)
    }

    /// The same with the jobs `wish` says, on a queue that is open; answers jobs a second.
    pub(crate) fn flow_of(&mut self, side: Side, wish: serde_json::Value) -> Outcome<f64> {
        let jobs = wish["jobs"].as_u64().ok_or("how many jobs?")?;
        let pair = self.pair(side)?;
        pair.worker.ask("start", json!({}))?;
        let start = Instant::now();
        pair.producer.ask("add", wish)?;
        pair.worker.ask("wait", json!({"jobs": jobs}))?;
        Ok(count(jobs) / start.elapsed().as_secs_f64())
    }

    /// A job every few milliseconds: how long each takes.
    pub(crate) fn pace(&mut self, samples: &mut Samples, side: Side) -> Outcome<()> {
        self.open(side, By::Direct)?;
        let wish = json!({"jobs": PACED_JOBS, "everyMs": PACE_MS, "data": data()});
        let answer = self.pair(side)?.worker.ask("pace", wish)?;
        let took = answer["took"].as_array().ok_or("a driver answered something else")?;
        let mut took: Vec<f64> = took.iter().filter_map(serde_json::Value::as_f64).collect();
        took.sort_by(f64::total_cmp);
        for percent in [50, 99] {
            samples.add(&format!("{}.p{percent}", side.name()), quantile(&took, percent));
        }
        self.close(side)
    }

    /// Commands and calls a job, in bulks, enqueue and process apart. They hardly differ from run to run, so they are counted once.
    pub(crate) fn counted(&mut self, samples: &mut Samples, side: Side) -> Outcome<()> {
        let name = side.name();
        let mut far = self.open(side, By::Relay)?;
        // The producer's calls are counted too.
        far["name"] = json!(format!("{}-counted", far["name"].as_str().unwrap_or_default()));
        let pair = self.pair(side)?;
        pair.producer.ask("open", far.clone())?;
        pair.worker.ask("open", far)?;
        let (before, calls) = (self.redis.command_count()?, self.relay(side).calls());
        self.pair(side)?.producer.ask("add", jobs(COUNTED_JOBS, BULK, 1, &data()))?;
        let enqueued = self.redis.command_count()?;
        let worker = &mut self.pair(side)?.worker;
        worker.ask("start", json!({}))?;
        worker.ask("wait", json!({"jobs": COUNTED_JOBS}))?;
        let (after, calls_after) = (self.redis.command_count()?, self.relay(side).calls());
        let a_job = |n: u64| count(n) / count(COUNTED_JOBS);
        samples.add(&format!("{name}.commands.enqueue"), a_job(enqueued - before));
        samples.add(&format!("{name}.commands.work"), a_job(after - enqueued));
        samples.add(&format!("{name}.commands"), a_job(after - before));
        samples.add(&format!("{name}.calls"), a_job(calls_after - calls));
        self.close(side)
    }

    /// What Redis does at most.
    pub(crate) fn bare(&mut self, samples: &mut Samples) -> Outcome<()> {
        samples.add("bare.commands", bare::commands_per_second(self.port)?);
        samples.add("bare.moves", bare::moves_per_second(&mut self.redis, 100_000)?);
        self.redis.flush()
    }
}

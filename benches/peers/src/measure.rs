//! The run: each thing measured once a round, the sides in turn.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Outcome;
use crate::bare;
use crate::children::{BullMq, Upstash, cpu_micros};
use crate::delay::Relay;
use crate::holdfast_side::Holdfast;
use crate::redis::Redis;
use crate::stats::{Samples, count, quantile};

/// What both sides carry: 100 bytes.
pub(crate) const PAYLOAD: &str =
    r#"{"eventData":{"text":"the quick brown fox jumps over the lazy dog and does so once more, every day."}}"#;

/// Jobs in a bulk.
pub(crate) const BULK: usize = 100;

/// Bulks on their way at once, where both ends work at the same time.
pub(crate) const IN_FLIGHT: usize = 4;

/// Milliseconds added to each round trip.
pub(crate) const DELAYS_MS: [u64; 4] = [1, 5, 20, 80];

/// Jobs that wait while throughput is measured.
pub(crate) const DEPTHS: [usize; 2] = [10_000, 1_000_000];

/// Jobs of a measurement. Chosen: half a second to a second on two quiet cores.
const HOLDFAST_JOBS: usize = 20_000;
const BULLMQ_JOBS: usize = 8_000;
const SINGLE_JOBS: usize = 1_000;
const PACED_JOBS: usize = 300;
const PACE: Duration = Duration::from_millis(5);

/// Jobs at each delay. Chosen: Holdfast works them off in about a second, BullMQ does not.
const HOLDFAST_DELAYED: [usize; 4] = [20_000, 15_000, 8_000, 3_000];
const BULLMQ_DELAYED: [usize; 4] = [20_000, 14_000, 8_000, 6_000];

/// How long BullMQ works before it is further away, and how long it is then watched.
const RAMP: Duration = Duration::from_millis(150);
const WINDOW: Duration = Duration::from_secs(1);

/// How long throughput is measured at a depth, and how often a round: short, so that the depth hardly changes.
const DEPTH_BOX: Duration = Duration::from_millis(400);
const DEPTH_TIMES: usize = 3;

/// How long nothing is to be done. A cron's interval.
const IDLE: Duration = Duration::from_mins(1);

/// Both sides, ready.
pub(crate) struct Sides {
    pub(crate) redis: Redis,
    redis_pid: u32,
    port: u16,
    upstash: Upstash,
    producer: BullMq,
    worker: BullMq,
    relay_to_redis: Relay,
    relay_to_rest: Relay,
    serial: usize,
    queues: usize,
}

impl Sides {
    pub(crate) fn start(port: u16, upstash: &Path, driver: &Path) -> Outcome<Self> {
        let mut redis = Redis::connect(port)?;
        let redis_pid = redis.info("process_id")?.parse()?;
        let upstash = Upstash::start(upstash, port)?;
        let rest_port = upstash.url.rsplit_once(':').ok_or("the REST server's URL has no port")?.1.parse()?;
        Ok(Self {
            redis,
            redis_pid,
            port,
            upstash,
            producer: BullMq::start(driver)?,
            worker: BullMq::start(driver)?,
            relay_to_redis: Relay::start(port)?,
            relay_to_rest: Relay::start(rest_port)?,
            serial: 0,
            queues: 0,
        })
    }

    fn instance(&self) -> Outcome<Holdfast> {
        Holdfast::connect(&self.upstash.url, &self.upstash.token, PAYLOAD)
    }

    /// HTTP requests the REST server has seen.
    fn calls(&self) -> Outcome<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let url = format!("{}/__faults", self.upstash.url);
        let client = holdfast::outbound::client()?;
        let bytes = runtime.block_on(async {
            client.get(url).bearer_auth(&self.upstash.token).send().await?.error_for_status()?.bytes().await
        })?;
        let state: serde_json::Value = serde_json::from_slice(&bytes)?;
        Ok(count(state["seen"].as_u64().ok_or("the REST server counts nothing")?))
    }

    /// An empty Redis and a queue of a new name for BullMQ, the worker hired and reaching Redis by `worker_port`.
    fn open_bullmq(&mut self, worker_port: u16) -> Outcome<()> {
        self.redis.flush()?;
        self.queues += 1;
        let name = format!("bench-{}", self.queues);
        self.producer.ask("open", json!({"name": name, "port": self.port}))?;
        self.worker.ask("open", json!({"name": name, "port": worker_port}))?;
        self.worker.ask("hire", json!({})).map(drop)
    }

    fn close_bullmq(&mut self) -> Outcome<()> {
        self.worker.ask("close", json!({}))?;
        self.producer.ask("close", json!({})).map(drop)
    }

    /// Enqueue alone, then process alone: jobs a second, commands, calls, memory.
    pub(crate) fn holdfast_apart(&mut self, samples: &mut Samples) -> Outcome<()> {
        self.redis.flush()?;
        let instance = self.instance()?;
        instance.enqueue(BULK, BULK, 1)?;
        instance.work(count_of(BULK))?;
        let single = instance.enqueue(SINGLE_JOBS, 1, 1)?;
        samples.add("holdfast.single", count(SINGLE_JOBS) / single);
        instance.work(count_of(SINGLE_JOBS))?;
        self.redis.flush()?;
        let (memory, commands, calls) = (self.redis.memory()?, self.redis.command_count()?, self.calls()?);
        let cpu = self.cpu_of_holdfast()?;
        let bulk = instance.enqueue(HOLDFAST_JOBS, BULK, 1)?;
        self.add_cpu(samples, "holdfast.cpu.enqueue", cpu)?;
        samples.add("holdfast.bulk", count(HOLDFAST_JOBS) / bulk);
        samples.add("holdfast.memory", count(self.redis.memory()? - memory) / count(HOLDFAST_JOBS));
        let enqueued = self.redis.command_count()?;
        let cpu = self.cpu_of_holdfast()?;
        let work = instance.work(count_of(HOLDFAST_JOBS))?;
        self.add_cpu(samples, "holdfast.cpu.work", cpu)?;
        samples.add("holdfast.work", count(HOLDFAST_JOBS) / work);
        samples.add("holdfast.commands.enqueue", count(enqueued - commands) / count(HOLDFAST_JOBS));
        samples.add("holdfast.commands.work", count(self.redis.command_count()? - enqueued) / count(HOLDFAST_JOBS));
        samples.add("holdfast.commands", count(self.redis.command_count()? - commands) / count(HOLDFAST_JOBS));
        samples.add("holdfast.calls", (self.calls()? - calls) / count(HOLDFAST_JOBS));
        Ok(())
    }

    /// The same for BullMQ.
    pub(crate) fn bullmq_apart(&mut self, samples: &mut Samples) -> Outcome<()> {
        self.open_bullmq(self.port)?;
        let answer = self.producer.ask("add", bulks(SINGLE_JOBS, 1))?;
        samples.add("bullmq.single", count(SINGLE_JOBS) / seconds_of(&answer)?);
        self.close_bullmq()?;
        self.open_bullmq(self.port)?;
        let (memory, commands) = (self.redis.memory()?, self.redis.command_count()?);
        let answer = self.producer.ask("addBulk", bulks(BULLMQ_JOBS, 1))?;
        samples.add("bullmq.bulk", count(BULLMQ_JOBS) / seconds_of(&answer)?);
        samples.add("bullmq.memory", count(self.redis.memory()? - memory) / count(BULLMQ_JOBS));
        let enqueued = self.redis.command_count()?;
        let scripts = self.redis.commands()?.get("evalsha").copied().unwrap_or_default();
        let answer = self.worker.ask("work", json!({"jobs": BULLMQ_JOBS}))?;
        samples.add("bullmq.work", count(BULLMQ_JOBS) / seconds_of(&answer)?);
        let done = self.redis.command_count()?;
        let scripts = self.redis.commands()?.get("evalsha").copied().unwrap_or_default() - scripts;
        samples.add("bullmq.commands.enqueue", count(enqueued - commands) / count(BULLMQ_JOBS));
        samples.add("bullmq.commands.work", count(done - enqueued) / count(BULLMQ_JOBS));
        samples.add("bullmq.commands", count(done - commands) / count(BULLMQ_JOBS));
        samples.add("bullmq.calls", 1.0 / count(BULK) + count(scripts) / count(BULLMQ_JOBS));
        self.close_bullmq()
    }

    /// A producer and a processor at the same time, from the first job in to the last one out.
    pub(crate) fn holdfast_flow(&mut self, samples: &mut Samples) -> Outcome<()> {
        self.redis.flush()?;
        let (producer, processor) = (self.instance()?, self.instance()?);
        let cpu = self.cpu_of_holdfast()?;
        let start = Instant::now();
        thread::scope(|scope| {
            let producing = scope.spawn(|| producer.enqueue(HOLDFAST_JOBS, BULK, IN_FLIGHT).map_err(|e| e.to_string()));
            processor.work(count_of(HOLDFAST_JOBS))?;
            producing.join().map_err(|_| "the producer panicked")??;
            Outcome::Ok(())
        })?;
        samples.add("holdfast.flow", count(HOLDFAST_JOBS) / start.elapsed().as_secs_f64());
        self.add_cpu(samples, "holdfast.cpu", cpu)
    }

    /// CPU time a job since `before`, by process and in all.
    fn add_cpu(&self, samples: &mut Samples, name: &str, before: [u64; 3]) -> Outcome<()> {
        let spent = self.cpu_of_holdfast()?.into_iter().zip(before).map(|(now, before)| now - before);
        for (process, spent) in ["redis", "rest", "program"].into_iter().zip(spent.clone()) {
            samples.add(&format!("{name}.{process}"), count(spent) / count(HOLDFAST_JOBS));
        }
        samples.add(name, count(spent.sum::<u64>()) / count(HOLDFAST_JOBS));
        Ok(())
    }

    fn cpu_of_holdfast(&self) -> Outcome<[u64; 3]> {
        let ours = std::process::id();
        Ok([cpu_micros(self.redis_pid)?, cpu_micros(self.upstash.pid())?, cpu_micros(ours)?])
    }

    /// The same for BullMQ.
    pub(crate) fn bullmq_flow(&mut self, samples: &mut Samples) -> Outcome<()> {
        self.open_bullmq(self.port)?;
        let cpu = self.cpu_of_bullmq()?;
        let start = Instant::now();
        self.worker.tell("work", json!({"jobs": BULLMQ_JOBS}))?;
        self.producer.ask("addBulk", bulks(BULLMQ_JOBS, IN_FLIGHT))?;
        self.worker.answer()?;
        samples.add("bullmq.flow", count(BULLMQ_JOBS) / start.elapsed().as_secs_f64());
        let mut sum = 0.0;
        for (name, (before, after)) in ["redis", "program"].iter().zip(cpu.iter().zip(self.cpu_of_bullmq()?)) {
            samples.add(&format!("bullmq.cpu.{name}"), count(after - before) / count(BULLMQ_JOBS));
            sum += count(after - before) / count(BULLMQ_JOBS);
        }
        samples.add("bullmq.cpu", sum);
        self.close_bullmq()
    }

    fn cpu_of_bullmq(&self) -> Outcome<[u64; 2]> {
        Ok([cpu_micros(self.redis_pid)?, cpu_micros(self.producer.pid())? + cpu_micros(self.worker.pid())?])
    }

    /// A job every few milliseconds: how long each takes.
    pub(crate) fn holdfast_pace(&mut self, samples: &mut Samples) -> Outcome<()> {
        self.redis.flush()?;
        let took = self.instance()?.pace(PACED_JOBS, PACE)?;
        latencies(samples, "holdfast", took.iter().map(|took| took.as_secs_f64() * 1_000.0).collect());
        Ok(())
    }

    /// The same for BullMQ.
    pub(crate) fn bullmq_pace(&mut self, samples: &mut Samples) -> Outcome<()> {
        self.open_bullmq(self.port)?;
        let mut wish = bulks(PACED_JOBS, 1);
        wish["everyMs"] = json!(PACE.as_millis());
        let answer = self.worker.ask("pace", wish)?;
        let took = answer["took"].as_array().ok_or("BullMQ's process answered something else")?;
        latencies(samples, "bullmq", took.iter().filter_map(serde_json::Value::as_f64).collect());
        self.close_bullmq()
    }

    /// Process alone, further away: jobs a second at each delay.
    pub(crate) fn holdfast_delayed(&mut self, samples: &mut Samples, place: usize) -> Outcome<()> {
        let (delay, jobs) = (DELAYS_MS[place], HOLDFAST_DELAYED[place]);
        self.redis.flush()?;
        bare::fill(&mut self.redis, jobs, PAYLOAD, &mut self.serial)?;
        let url = format!("http://127.0.0.1:{}", self.relay_to_rest.port);
        self.relay_to_rest.set(delay);
        let seconds = Holdfast::connect(&url, &self.upstash.token, PAYLOAD)?.work(count_of(jobs))?;
        samples.add(&format!("holdfast.delay.{delay}"), count(jobs) / seconds);
        Ok(())
    }

    /// The same for BullMQ.
    pub(crate) fn bullmq_delayed(&mut self, samples: &mut Samples, place: usize) -> Outcome<()> {
        let (delay, jobs) = (DELAYS_MS[place], BULLMQ_DELAYED[place]);
        self.open_bullmq(self.relay_to_redis.port)?;
        self.producer.ask("addBulk", bulks(jobs, IN_FLIGHT))?;
        // The worker takes its first fifty jobs one after the other; that is over before it is further away.
        self.worker.ask("run", json!({}))?;
        thread::sleep(RAMP);
        self.relay_to_redis.set(delay);
        thread::sleep(Duration::from_millis(delay * 2));
        let (start, before) = (Instant::now(), self.done()?);
        thread::sleep(WINDOW);
        let (seconds, after) = (start.elapsed().as_secs_f64(), self.done()?);
        self.relay_to_redis.set(0);
        if after >= count(jobs) {
            return Err("BullMQ ran out of jobs in a window: expected more than it can do".into());
        }
        samples.add(&format!("bullmq.delay.{delay}"), (after - before) / seconds);
        self.close_bullmq()
    }

    fn done(&mut self) -> Outcome<f64> {
        Ok(self.worker.ask("done", json!({}))?["done"].as_f64().ok_or("BullMQ's process counts nothing")?)
    }

    /// Jobs a second while so many wait, at each depth in turn.
    pub(crate) fn depths(&mut self, samples: &mut Samples) -> Outcome<()> {
        for depth in DEPTHS {
            self.redis.flush()?;
            let mut missing = depth;
            let instance = self.instance()?;
            let (mut completed, mut seconds) = (0, 0.0);
            for _ in 0..DEPTH_TIMES {
                bare::fill(&mut self.redis, missing, PAYLOAD, &mut self.serial)?;
                let start = Instant::now();
                let now = instance.run(DEPTH_BOX, true)?;
                seconds += start.elapsed().as_secs_f64();
                completed += now;
                missing = usize::try_from(now)?;
            }
            samples.add(&format!("holdfast.depth.{depth}"), count(completed) / seconds);
        }
        self.redis.flush()
    }

    /// What Redis does at most.
    pub(crate) fn bare(&mut self, samples: &mut Samples) -> Outcome<()> {
        samples.add("bare.commands", bare::commands_per_second(self.port)?);
        samples.add("bare.moves", bare::moves_per_second(&mut self.redis, 100_000)?);
        self.redis.flush()
    }

    /// A minute with nothing to do, once: a tick for Holdfast, a worker that waits for BullMQ, which has the Redis at `other_port`
    /// to itself so that their commands are told apart.
    pub(crate) fn idle(&mut self, samples: &mut Samples, other_port: u16) -> Outcome<()> {
        self.redis.flush()?;
        let mut other = Redis::connect(other_port)?;
        self.worker.ask("open", json!({"name": "idle", "port": other_port}))?;
        self.worker.ask("hire", json!({}))?;
        self.worker.ask("run", json!({}))?;
        let instance = self.instance()?;
        let (ours, theirs, calls) = (self.redis.command_count()?, other.command_count()?, self.calls()?);
        let end = Instant::now() + IDLE;
        instance.run(Duration::from_secs(50), true)?;
        thread::sleep(end.saturating_duration_since(Instant::now()));
        samples.add("holdfast.idle", count(self.redis.command_count()? - ours));
        samples.add("holdfast.idle.calls", self.calls()? - calls);
        samples.add("bullmq.idle", count(other.command_count()? - theirs));
        self.worker.ask("close", json!({})).map(drop)
    }
}

fn latencies(samples: &mut Samples, side: &str, mut took: Vec<f64>) {
    took.sort_by(f64::total_cmp);
    for percent in [50, 99] {
        samples.add(&format!("{side}.p{percent}"), quantile(&took, percent));
    }
}

fn bulks(jobs: usize, in_flight: usize) -> serde_json::Value {
    let data: serde_json::Value = serde_json::from_str(PAYLOAD).unwrap_or_default();
    json!({"jobs": jobs, "bulk": BULK, "inFlight": in_flight, "data": data})
}

fn count_of(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn seconds_of(answer: &serde_json::Value) -> Outcome<f64> {
    answer["seconds"].as_f64().ok_or_else(|| format!("BullMQ's process answered {answer}").into())
}

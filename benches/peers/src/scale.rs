//! What is measured further away, at other depths, with more workers, and with other payloads.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Outcome;
use crate::bare;
use crate::bench::{BULK, Bench, By, DATA, IN_FLIGHT, data, jobs};
use crate::children::Driver;
use crate::sides::Side;
use crate::stats::{Samples, count};

/// Milliseconds added to each round trip.
pub(crate) const DELAYS_MS: [u64; 4] = [1, 5, 20, 80];

/// Jobs that wait while throughput is measured.
pub(crate) const DEPTHS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Workers at once, each a process.
pub(crate) const WORKERS: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// Milliseconds added to each round trip where workers are counted: enough that one worker waits more than it works.
pub(crate) const WORKERS_DELAY_MS: u64 = 20;

/// Bytes of text that a job carries, and how many jobs. The last is the most that Holdfast takes, 60 KiB, less what is around it.
pub(crate) const PAYLOADS: [(u64, u64); 4] = [(100, 10_000), (1_000, 10_000), (10_000, 2_000), (61_000, 500)];

/// Those whose scale is measured: ours, and the one the goals name.
pub(crate) const SCALED: [Side; 3] = [Side::Rest, Side::Resp, Side::BullMq];

/// How long throughput is watched at a depth, and how often: short, so that the depth hardly changes.
const DEPTH_WINDOW: Duration = Duration::from_millis(300);
const DEPTH_TIMES: u32 = 3;

/// How long it is watched elsewhere: a second where jobs last, and forty round trips at least.
fn window(side: Side, delay_ms: u64) -> Duration {
    Duration::from_millis(side.watched_for_ms().max(40 * delay_ms))
}

impl Bench {
    /// Process alone, further away: jobs a second at each delay.
    pub(crate) fn delayed(&mut self, samples: &mut Samples, side: Side, delay: u64) -> Outcome<()> {
        self.open(side, By::Relay)?;
        let watched = window(side, delay);
        // As many as it does without a delay while it starts, and as one after the other gets from the server afterwards; and half of that more.
        let near = samples.median(&format!("{}.work", side.name()));
        let far = count(side.under_way()) * 1_000.0 / count(delay) * 2.0;
        let most = (near * 0.3 + near.min(far) * watched.as_secs_f64()) * 1.5;
        let filled = self.fill(side, most)?;
        let worker = &mut self.pair(side)?.worker;
        worker.ask("start", json!({}))?;
        thread::sleep(Duration::from_millis(side.starts_for_ms()));
        self.relay(side).set(delay);
        thread::sleep(Duration::from_millis(delay * 2));
        let rate = watch(std::slice::from_mut(&mut self.pair(side)?.worker), watched, filled);
        self.relay(side).set(0);
        samples.add(&format!("{}.delay.{delay}", side.name()), rate?);
        self.close(side)
    }

    /// Jobs a second while so many wait, filled up again after each look.
    pub(crate) fn depth(&mut self, samples: &mut Samples, side: Side, depth: u64) -> Outcome<()> {
        let (mut missing, mut done, mut seconds) = (depth, 0.0, 0.0);
        let shape = self.open(side, By::Direct)?;
        for _ in 0..DEPTH_TIMES {
            bare::fill(&mut self.redis, missing, DATA, &mut self.serial)?;
            let worker = &mut self.pair(side)?.worker;
            worker.ask("open", shape.clone())?;
            worker.ask("start", json!({}))?;
            let start = Instant::now();
            if depth < 50_000 {
                worker.ask("wait", json!({"jobs": depth}))?;
            } else {
                thread::sleep(DEPTH_WINDOW);
            }
            done += worker.ask_number("done", json!({}), "done")?;
            seconds += start.elapsed().as_secs_f64();
            worker.ask("close", json!({}))?;
            missing = depth.saturating_sub(self.redis.length("queue:audit_log_created")?);
        }
        samples.add(&format!("{}.depth.{depth}", side.name()), done / seconds);
        self.redis.flush()
    }

    /// So many workers at once, a little away: jobs a second of all.
    pub(crate) fn workers(&mut self, samples: &mut Samples, side: Side, workers: usize) -> Outcome<()> {
        let far = self.open(side, By::Relay)?;
        let near = samples.median(&format!("{}.work", side.name()));
        let one = count(side.under_way()) * 1_000.0 / count(WORKERS_DELAY_MS) * 2.0;
        let filled = self.fill(side, near * 1.5 + (near * 2.0).min(one * count(workers)) * 1.5)?;
        let mut drivers = Vec::new();
        for _ in 0..workers {
            let mut driver = self.programs.start(side)?;
            driver.ask("open", far.clone())?;
            drivers.push(driver);
        }
        for driver in &mut drivers {
            driver.ask("start", json!({}))?;
        }
        thread::sleep(Duration::from_millis(2 * side.starts_for_ms()));
        self.relay(side).set(WORKERS_DELAY_MS);
        thread::sleep(Duration::from_millis(WORKERS_DELAY_MS * 4));
        let rate = watch(&mut drivers, window(side, WORKERS_DELAY_MS), filled);
        self.relay(side).set(0);
        samples.add(&format!("{}.workers.{workers}", side.name()), rate?);
        drop(drivers);
        self.close(side)
    }

    /// End to end with larger payloads: jobs a second.
    pub(crate) fn payload(&mut self, samples: &mut Samples, side: Side, bytes: u64, number: u64) -> Outcome<()> {
        let text = "x".repeat(usize::try_from(bytes)?);
        // A bulk is at most 3 MB, below what one request to Upstash may have.
        let bulk = BULK.min(3_000_000 / bytes);
        self.open(side, By::Direct)?;
        let rate = self.flow_of(side, jobs(number, bulk, IN_FLIGHT, &json!({"text": text})))?;
        samples.add(&format!("{}.payload.{bytes}", side.name()), rate);
        self.close(side)
    }

    /// Puts jobs in, in whole bulks; answers how many.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand jobs")]
    fn fill(&mut self, side: Side, number: f64) -> Outcome<u64> {
        let number = (number as u64).min(side.most_waiting()).next_multiple_of(BULK * IN_FLIGHT);
        if side.is_ours() {
            bare::fill(&mut self.redis, number, DATA, &mut self.serial)?;
        } else {
            self.pair(side)?.producer.ask("add", jobs(number, BULK, IN_FLIGHT, &data()))?;
        }
        Ok(number)
    }
}

/// Jobs a second that these workers do together for a while, of `filled` that there were.
fn watch(workers: &mut [Driver], watched: Duration, filled: u64) -> Outcome<f64> {
    let sum = |workers: &mut [Driver]| -> Outcome<f64> {
        workers.iter_mut().map(|worker| worker.ask_number("done", json!({}), "done")).sum()
    };
    let (start, before) = (Instant::now(), sum(workers)?);
    thread::sleep(watched);
    let (seconds, after) = (start.elapsed().as_secs_f64(), sum(workers)?);
    if after >= count(filled) {
        return Err("workers ran out of jobs while they were watched: expected more than they can do".into());
    }
    Ok((after - before) / seconds)
}

//! What a job costs: Redis commands, those inside scripts counted, and calls to Upstash.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use devkit::redis::{Kind, RedisOptions, RedisServer};
use devkit::rest::{RestOptions, RestServer};
use holdfast::config::{Secret, UpstashConfig};
use holdfast::domain::job::{JobOptions, JobType, NewJob};
use holdfast::domain::outcome::Outcome;
use holdfast::edge::{Clock, Dice};
use holdfast::outbound;
use holdfast::processor::{BatchRequest, Processor, TimeBox};
use holdfast::queue::{LetterRange, Queue, Span};
use holdfast::upstash::Upstash;
use holdfast::upstash::keys::Keys;
use serde_json::value::RawValue;

use crate::bench::{ANY, PAYLOAD};

/// A Redis that nobody else talks to, so that its own count is the test's.
struct Counted {
    redis: RedisServer,
    rest: RestServer,
    http: reqwest::Client,
    queue: Queue,
}

impl Counted {
    async fn new() -> Self {
        let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = RestOptions { listen, token: "test-token".into(), redis: redis.addr().into() };
        let rest = RestServer::start(options).await.unwrap();
        let http = outbound::client().unwrap();
        let config = UpstashConfig { url: rest.url(), token: Secret::new(rest.token()) };
        let upstash = Upstash::new(&config, http.clone()).unwrap();
        let queue = Queue::new(upstash, Keys::new(""), Clock::Real);
        Self { redis, rest, http, queue }
    }

    /// Whether Redis counts its commands; meebis does not, and is no yardstick for cost.
    fn counts(&self) -> bool {
        self.redis.kind() != Kind::Meebis
    }

    async fn send(&self, command: &[&str]) -> serde_json::Value {
        let body = serde_json::to_vec(command).unwrap();
        let request = self.http.post(self.rest.url()).bearer_auth(self.rest.token()).body(body);
        serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    }

    /// Commands since the start, by name, less those this test asks its questions with.
    async fn commands(&self) -> BTreeMap<String, u64> {
        let info = self.send(&["INFO", "commandstats"]).await;
        let lines = info["result"].as_str().unwrap().lines().filter_map(|line| line.strip_prefix("cmdstat_"));
        let entry = |line: &str| {
            let (name, rest) = line.split_once(':').unwrap();
            let calls = rest.strip_prefix("calls=").unwrap().split(',').next().unwrap();
            (name.to_owned(), calls.parse().unwrap())
        };
        lines.map(entry).filter(|(name, _): &(String, u64)| name != "info").collect()
    }

    async fn enqueue(&self, jobs: usize) {
        let (clock, dice) = (Clock::Real, Dice::Real);
        for _ in 0..jobs / 100 {
            let batch: Vec<NewJob> = (0..100)
                .map(|_| {
                    let now = clock.now();
                    let payload = RawValue::from_string(PAYLOAD.to_owned()).unwrap();
                    NewJob::new(dice.job_id(now), ANY, payload, now, JobOptions::default()).unwrap()
                })
                .collect();
            self.queue.enqueue(&batch).await.unwrap();
        }
    }

    async fn process(&self) -> u64 {
        let processor = Processor::new(self.queue.clone(), Dice::Real);
        let time_box = TimeBox::of(Duration::from_secs(50));
        let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 100, time_box, until_empty: true };
        processor.process_batch(&request, |_, _, _| async { Outcome::Completed }).await.unwrap().all.completed
    }
}

fn sum(commands: &BTreeMap<String, u64>) -> u64 {
    commands.values().sum()
}

/// `part / whole` in hundredths, without floats.
fn hundredths(part: u64, whole: u64) -> u64 {
    (part * 100).div_ceil(whole)
}

#[tokio::test]
async fn a_job_costs_at_most_four_commands_and_a_twentieth_of_a_call() {
    let t = Counted::new().await;
    // Redis knows the scripts, as it does for all but the first call of a database's life.
    t.enqueue(100).await;
    t.process().await;
    let (commands_before, calls_before) = if t.counts() { (t.commands().await, t.rest.calls()) } else { return };

    t.enqueue(1_000).await;
    assert_eq!(t.process().await, 1_000);

    let calls = t.rest.calls() - calls_before;
    let after = t.commands().await;
    let commands = sum(&after) - sum(&commands_before);
    let (per_job, calls_per_job) = (hundredths(commands, 1_000), hundredths(calls, 1_000));
    println!(
        "enqueue to completion in batches of 100: {}.{:02} commands and 0.{calls_per_job:02} calls a job",
        per_job / 100,
        per_job % 100
    );
    assert!(per_job <= 400, "{after:?}");
    assert!(calls_per_job <= 5, "{calls} calls");
}

#[tokio::test]
async fn an_idle_tick_costs_one_call_and_four_commands() {
    let t = Counted::new().await;
    t.process().await;
    let (before, calls_before) = if t.counts() { (t.commands().await, t.rest.calls()) } else { return };

    t.process().await;

    let calls = t.rest.calls() - calls_before;
    let commands = sum(&t.commands().await) - sum(&before);
    println!("an idle tick: {commands} commands and {calls} call");
    assert_eq!((commands, calls), (4, 1));
}

#[tokio::test]
async fn a_job_alone_costs_a_few_dozen_commands_in_three_calls() {
    let t = Counted::new().await;
    t.enqueue(100).await;
    t.process().await;
    let (before, calls_before) = if t.counts() { (t.commands().await, t.rest.calls()) } else { return };
    let now = Clock::Real.now();
    let payload = RawValue::from_string(r#"{"transactionId":"e","recipientEmail":"a@b"}"#.to_owned()).unwrap();
    let job = NewJob::new(Dice::Real.job_id(now), JobType::SendReleaseEmail, payload, now, JobOptions::default());

    t.queue.enqueue(&[job.unwrap()]).await.unwrap();
    assert_eq!(t.process().await, 1);

    let calls = t.rest.calls() - calls_before;
    let after = t.commands().await;
    let commands = sum(&after) - sum(&before);
    println!("a job alone, from enqueue to completion and the look for more: {commands} commands and {calls} calls");
    // BullMQ takes 33 commands a job, whatever the batch (measured, version 6.7).
    assert!(commands <= 33, "{after:?}");
    assert_eq!(calls, 3);
}

#[tokio::test]
async fn a_look_at_jobs_that_tell_their_age_writes_nothing_and_costs_a_command_a_type_and_four() {
    let t = Counted::new().await;
    for (n, job_type) in JobType::ALL.into_iter().enumerate() {
        // Ids of ours, and of another producer's whose document tells when it is due or was made.
        let told = ["", r#","createdAt":1"#, r#","runAt":1"#][n % 3];
        let id = if told.is_empty() { format!("job-1800000000000-{n:09}") } else { format!("order-{n}") };
        let document = format!(r#"{{"type":"{job_type}","payload":{{}}{told}}}"#);
        t.send(&["SET", &format!("job:{id}"), &document]).await;
        t.send(&["RPUSH", &format!("queue:{job_type}"), &id]).await;
    }
    t.queue.oldest_due().await.unwrap();
    let before = if t.counts() { t.commands().await } else { return };

    t.queue.oldest_due().await.unwrap();

    let mut commands = t.commands().await;
    commands.retain(|name, count| {
        *count -= before.get(name).copied().unwrap_or_default();
        *count > 0
    });
    let expected = [("evalsha", 1), ("lindex", 9), ("mget", 1), ("time", 1), ("zrangebyscore", 1)];
    assert_eq!(commands, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

/// What the dashboard's pages read: docs/dashboard.md has these numbers.
#[tokio::test]
async fn a_page_of_the_dashboard_costs_one_call_and_a_few_dozen_commands() {
    let t = Counted::new().await;
    t.enqueue(1_000).await;
    t.process().await;
    let (hour, day) = (Span { slots: 60, slot_minutes: 1 }, Span { slots: 96, slot_minutes: 15 });
    for _ in 0..2 {
        // The first reading adds up what the processor measured.
        t.queue.overview(day).await.unwrap();
        t.queue.dead_letters(&LetterRange::default(), 25).await.unwrap();
    }
    for (what, most) in [("an overview of an hour", 45), ("an overview of a day", 45), ("a page of dead letters", 4)] {
        let (before, calls_before) = if t.counts() { (t.commands().await, t.rest.calls()) } else { return };
        match what {
            "an overview of an hour" => drop(t.queue.overview(hour).await.unwrap()),
            "an overview of a day" => drop(t.queue.overview(day).await.unwrap()),
            _ => drop(t.queue.dead_letters(&LetterRange::default(), 25).await.unwrap()),
        }
        let calls = t.rest.calls() - calls_before;
        let commands = sum(&t.commands().await) - sum(&before);
        println!("{what}: {commands} commands and {calls} call");
        assert!(commands <= most && calls == 1, "{what}: {commands} commands, {calls} calls");
    }
}

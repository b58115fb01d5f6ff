//! What tests stand on: the shared Redis, a REST server of one's own before it, a key prefix of one's own, a clock that
//! stands still and ids that count.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use devkit::redis::{RedisOptions, RedisServer};
use devkit::rest::{Fault, RestOptions, RestServer};
use holdfast::config::{Secret, UpstashConfig};
use holdfast::domain::id::{DedupeKey, JobId};
use holdfast::domain::job::{Due, JobOptions, JobType, NewJob};
use holdfast::domain::millis::Millis;
use holdfast::domain::outcome::{Failure, FailureKind};
use holdfast::edge::{Clock, Dice};
use holdfast::outbound;
use holdfast::queue::{
    Caller, ClaimRequest, Claimed, ClaimedJob, DeadLetter, Enqueued, Queue, Recorder, Settled, Settlement, Verdict,
};
use holdfast::upstash::Upstash;
use holdfast::upstash::keys::Keys;
use serde_json::Value;
use serde_json::value::RawValue;

/// When every test begins.
pub(crate) const START: Millis = Millis(1_800_000_000_000);

/// How long the leases of tests last.
pub(crate) const LEASE: Duration = Duration::from_mins(1);

/// The type that tests use where it does not matter which.
pub(crate) const ANY: JobType = JobType::AuditLogCreated;

/// A payload that [`ANY`] takes.
pub(crate) const PAYLOAD: &str = r#"{"eventData":{"n":1}}"#;

/// Starts Redis once for all tests, on a thread of its own that lives as long as the process.
pub(crate) fn redis() -> SocketAddr {
    static REDIS: OnceLock<SocketAddr> = OnceLock::new();
    *REDIS.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = RedisServer::start(RedisOptions::default()).await.unwrap();
                tell.send(server.addr()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        told.recv().unwrap()
    })
}

/// A test's own view of the store.
pub(crate) struct Bench {
    pub(crate) rest: RestServer,
    pub(crate) prefix: String,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) queue: Queue,
    pub(crate) http: reqwest::Client,
}

impl Bench {
    /// Makes a bench with an empty part of the store. The queue calls over REST, or over Redis' own protocol where
    /// `HOLDFAST_TRANSPORT` is `resp`: faults, which are REST's, then do not meet it.
    pub(crate) async fn new() -> Self {
        let resp = std::env::var_os("HOLDFAST_TRANSPORT").is_some_and(|transport| transport == "resp");
        Self::over(resp.then(redis)).await
    }

    /// Makes a bench whose queue speaks Redis' own protocol with what listens at `address`, or else REST.
    pub(crate) async fn over(address: Option<SocketAddr>) -> Self {
        Self::before(redis(), address).await
    }

    /// Makes a bench before a Redis of the test's own, whose queue calls over REST.
    pub(crate) async fn before_own(redis: &RedisServer) -> Self {
        Self::before(redis.addr(), None).await
    }

    async fn before(redis: SocketAddr, address: Option<SocketAddr>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let prefix = format!("t{}:", COUNT.fetch_add(1, Ordering::SeqCst));
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = RestOptions { listen, token: "test-token".into(), redis: redis.into() };
        let rest = RestServer::start(options).await.unwrap();
        let clock = Clock::fixed(START);
        let http = outbound::client().unwrap();
        let config = UpstashConfig { url: rest.url(), token: Secret::new(rest.token()) };
        let upstash = match address {
            None => Upstash::new(&config, http.clone()).unwrap(),
            Some(address) => Upstash::over_redis(&Secret::new(format!("redis://{address}"))).unwrap(),
        };
        let queue = Queue::new(upstash, Keys::new(&prefix), clock.clone());
        Self { rest, prefix, clock, dice: Dice::counting(), queue, http }
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.rest.faults().next(fault);
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// What records an operator's changes.
    pub(crate) fn recorder(&self) -> Recorder {
        Recorder::new(self.clock.clone(), self.dice.clone(), Caller::operator("test"), "req-1", None)
    }

    /// Makes a job without storing it.
    pub(crate) fn job(&self, job_type: JobType, payload: &str, options: JobOptions) -> NewJob {
        let now = self.clock.now();
        let payload = RawValue::from_string(payload.to_owned()).unwrap();
        NewJob::new(self.dice.job_id(now), job_type, payload, now, options).unwrap()
    }

    /// Stores one job of type [`ANY`].
    pub(crate) async fn enqueue(&self, options: JobOptions) -> Enqueued {
        let job = self.job(ANY, PAYLOAD, options);
        self.queue.enqueue(&[job]).await.unwrap().remove(0)
    }

    /// Stores `count` plain jobs of type [`ANY`] and returns their ids.
    pub(crate) async fn enqueue_many(&self, count: usize) -> Vec<JobId> {
        let jobs: Vec<NewJob> = (0..count).map(|_| self.job(ANY, PAYLOAD, JobOptions::default())).collect();
        let enqueued = self.queue.enqueue(&jobs).await.unwrap();
        enqueued.into_iter().map(|enqueued| enqueued.id().clone()).collect()
    }

    pub(crate) fn request(&self, limit: u32) -> ClaimRequest {
        ClaimRequest { id: self.dice.claim_id(), types: JobType::ALL.to_vec(), limit, lease: LEASE }
    }

    pub(crate) async fn claim(&self, limit: u32) -> Claimed {
        self.queue.claim(&self.request(limit)).await.unwrap()
    }

    /// Claims the one job that is due.
    pub(crate) async fn claim_one(&self) -> ClaimedJob {
        let mut claimed = self.claim(10).await;
        assert_eq!(claimed.jobs.len(), 1, "{claimed:?}");
        claimed.jobs.remove(0)
    }

    pub(crate) fn settlement(&self, job: &ClaimedJob, verdict: Verdict) -> Settlement {
        Settlement::new(job, verdict, self.clock.now())
    }

    pub(crate) async fn settle(&self, job: &ClaimedJob, verdict: Verdict) -> Settled {
        self.queue.settle(&[self.settlement(job, verdict)]).await.unwrap().remove(0)
    }

    /// Makes `count` dead letters of type [`ANY`], a millisecond apart, and returns their ids in the order in which they died.
    pub(crate) async fn bury(&self, count: usize, kind: FailureKind) -> Vec<JobId> {
        let ids = self.enqueue_many(count).await;
        let jobs = self.claim(250).await.jobs;
        assert_eq!(jobs.len(), count);
        for job in jobs {
            self.settle(&job, Verdict::Bury(failure(kind))).await;
            self.advance(Duration::from_millis(1));
        }
        ids
    }

    /// Returns the dead letters of these ids.
    pub(crate) async fn letters(&self, ids: &[JobId]) -> Vec<DeadLetter> {
        self.queue.dead_letters_of(ids).await.unwrap().into_iter().map(Option::unwrap).collect()
    }

    /// Returns a job's document as stored.
    pub(crate) async fn document(&self, id: &JobId) -> Value {
        serde_json::from_str(self.at(&format!("job:{id}")).await.as_str().unwrap()).unwrap()
    }

    /// Runs one command, past the client under test.
    pub(crate) async fn redis(&self, command: &[&str]) -> Value {
        let body = serde_json::to_vec(command).unwrap();
        let request = self.http.post(self.rest.url()).bearer_auth(self.rest.token()).body(body);
        let reply = request.send().await.unwrap().bytes().await.unwrap();
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        reply.get("result").unwrap_or_else(|| panic!("{command:?}: {reply}")).clone()
    }

    /// Returns the whole of the test's part of the store: every key without its prefix, with its value.
    pub(crate) async fn state(&self) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        for key in self.redis(&["KEYS", &format!("{}*", self.prefix)]).await.as_array().unwrap() {
            let key = key.as_str().unwrap();
            let kind = self.redis(&["TYPE", key]).await;
            // What was measured tells of time that passed and calls that were repeated: tests/it/metrics.rs looks at it.
            if key.ends_with("stats:pending")
                || key.contains("stats:measures")
                || key.contains("stats:minutes:")
                || key.contains("stats:quarters:")
            {
                continue;
            }
            let value = match kind.as_str().unwrap() {
                "string" => self.redis(&["GET", key]).await,
                "list" => self.redis(&["LRANGE", key, "0", "-1"]).await,
                "hash" => pairs(&self.redis(&["HGETALL", key]).await),
                "zset" => pairs(&self.redis(&["ZRANGE", key, "0", "-1", "WITHSCORES"]).await),
                "stream" => self.redis(&["XRANGE", key, "-", "+"]).await,
                // It ended since the keys were listed: claims are remembered for as long as a lease.
                "none" => continue,
                other => panic!("key {key} is a {other}"),
            };
            state.insert(key[self.prefix.len()..].to_owned(), value);
        }
        state
    }

    /// Returns one key's value, or null.
    pub(crate) async fn at(&self, key: &str) -> Value {
        self.state().await.remove(key).unwrap_or(Value::Null)
    }

    /// Returns how long a key still lives, in ms; -1 is for ever, -2 is gone.
    pub(crate) async fn ttl(&self, key: &str) -> i64 {
        self.redis(&["PTTL", &format!("{}{key}", self.prefix)]).await.as_i64().unwrap()
    }
}

fn pairs(list: &Value) -> Value {
    let list = list.as_array().unwrap();
    let entry = |pair: &[Value]| (pair[0].as_str().unwrap().to_owned(), pair[1].clone());
    list.chunks(2).map(entry).collect::<serde_json::Map<_, _>>().into()
}

pub(crate) fn dedupe(key: &str) -> JobOptions {
    JobOptions { dedupe_key: Some(DedupeKey::parse(key).unwrap()), ..JobOptions::default() }
}

pub(crate) fn delayed(delay: Duration) -> JobOptions {
    JobOptions { due: Due::After(delay), ..JobOptions::default() }
}

pub(crate) fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "the other side said no")
}

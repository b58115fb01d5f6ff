//! What tests stand on: the shared Redis, a REST server and a key prefix of one's own, jobs of a known age, and the binary.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use devkit::redis::{RedisOptions, RedisServer};
use devkit::rest::{RestOptions, RestServer};
use holdfast::config::{Secret, UpstashConfig};
use holdfast::domain::id::{ClaimId, JobId};
use holdfast::domain::job::{JobOptions, JobType, NewJob};
use holdfast::domain::millis::Millis;
use holdfast::domain::outcome::{Failure, FailureKind};
use holdfast::edge::Clock;
use holdfast::queue::{ClaimRequest, Queue, Settlement, Verdict};
use holdfast::upstash::Upstash;
use holdfast::upstash::keys::Keys;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How old what a test plants is: far from where its text would change, however slow the machine.
pub(crate) const AGE: Duration = Duration::from_secs(2 * 3_600 + 30 * 60 + 20);

/// How that is written.
pub(crate) const AGE_TEXT: &str = "2 h 30 min ago";

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

/// A test's own deployment.
pub(crate) struct Bench {
    pub(crate) rest: RestServer,
    pub(crate) queue: Queue,
    pub(crate) prefix: String,
    /// The variables of the command line.
    pub(crate) variables: BTreeMap<&'static str, String>,
    folder: tempfile::TempDir,
    http: reqwest::Client,
}

/// What the command line did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// What a command that succeeded wrote.
    pub(crate) fn text(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.out
    }

    /// The dedupe key with which a command that could not tell what became of a job is to be repeated.
    pub(crate) fn key_to_repeat_with(&self) -> &str {
        assert_eq!(self.code, 5, "{self:?}");
        let (_, rest) = self.err.split_once("--dedupe-key ").unwrap_or_else(|| panic!("{self:?}"));
        rest.split_whitespace().next().unwrap()
    }

    /// What it wrote, as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Bench {
    /// Makes a deployment in a part of the shared Redis.
    pub(crate) async fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self::before(redis(), format!("c{}:", COUNT.fetch_add(1, Ordering::SeqCst))).await
    }

    /// Makes a deployment in this Redis, behind this prefix.
    pub(crate) async fn before(redis: SocketAddr, prefix: String) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = RestOptions { listen, token: "test-token".into(), redis: redis.into() };
        let rest = RestServer::start(options).await.unwrap();
        let http = holdfast::outbound::client().unwrap();
        let config = UpstashConfig { url: rest.url(), token: Secret::new(rest.token()) };
        let upstash = Upstash::new(&config, http.clone()).unwrap();
        let clock = Clock::fixed(Millis(Clock::Real.now().0 - i64::try_from(AGE.as_millis()).unwrap()));
        let queue = Queue::new(upstash, Keys::new(&prefix), clock);
        let variables = BTreeMap::from([
            ("KV_REST_API_URL", rest.url()),
            ("KV_REST_API_TOKEN", rest.token().to_owned()),
            ("KEY_PREFIX", prefix.clone()),
        ]);
        Self { rest, queue, prefix, variables, folder: tempfile::tempdir().unwrap(), http }
    }

    /// Runs the command line with these words.
    pub(crate) async fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, "").await
    }

    /// Runs it with something at its standard input.
    pub(crate) async fn run_with(&self, words: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args(words).env_clear().envs(&self.variables).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // One that ends without reading closes it.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// Returns where the command line runs.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Writes a file beside which the command line runs.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Enqueues a job of this name, [`AGE`] ago.
    pub(crate) async fn plant(&self, id: &str, job_type: JobType, payload: &str) -> JobId {
        let id = JobId::parse(id).unwrap();
        self.plant_all(std::slice::from_ref(&id), job_type, payload).await;
        id
    }

    /// Enqueues many of them.
    pub(crate) async fn plant_all(&self, ids: &[JobId], job_type: JobType, payload: &str) {
        let now = Millis(Clock::Real.now().0 - i64::try_from(AGE.as_millis()).unwrap());
        let job = |id: &JobId| {
            let payload = RawValue::from_string(payload.to_owned()).unwrap();
            NewJob::new(id.clone(), job_type, payload, now, JobOptions::default()).unwrap()
        };
        let jobs: Vec<NewJob> = ids.iter().map(job).collect();
        self.queue.enqueue(&jobs).await.unwrap();
    }

    /// Makes a dead letter of each job that is ready: each died [`AGE`] ago.
    pub(crate) async fn bury_all(&self, failure: &Failure) {
        let now = Millis(Clock::Real.now().0 - i64::try_from(AGE.as_millis()).unwrap());
        for number in 0.. {
            let id = ClaimId::parse(format!("claim-{number}")).unwrap();
            let request = ClaimRequest { id, types: JobType::ALL.to_vec(), limit: 250, lease: Duration::from_mins(1) };
            let jobs = self.queue.claim(&request).await.unwrap().jobs;
            if jobs.is_empty() {
                return;
            }
            let bury = |job| Settlement::new(job, Verdict::Bury(failure.clone()), now);
            let buried: Vec<Settlement> = jobs.iter().map(bury).collect();
            self.queue.settle(&buried).await.unwrap();
        }
    }

    /// Runs one Redis command.
    pub(crate) async fn redis(&self, command: &[&str]) -> Value {
        let body = serde_json::to_vec(command).unwrap();
        let request = self.http.post(self.rest.url()).bearer_auth(self.rest.token()).body(body);
        let reply: Value = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
        reply["result"].clone()
    }

    /// Everything this deployment has in Redis, as Redis itself would move it elsewhere.
    pub(crate) async fn state(&self) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        for key in self.redis(&["KEYS", &format!("{}*", self.prefix)]).await.as_array().unwrap() {
            let key = key.as_str().unwrap();
            let kind = self.redis(&["TYPE", key]).await;
            let value = match kind.as_str().unwrap() {
                "string" => self.redis(&["GET", key]).await,
                "list" => self.redis(&["LRANGE", key, "0", "-1"]).await,
                "hash" => self.redis(&["HGETALL", key]).await,
                "zset" => self.redis(&["ZRANGE", key, "0", "-1", "WITHSCORES"]).await,
                _ => self.redis(&["XRANGE", key, "-", "+"]).await,
            };
            state.insert(key[self.prefix.len()..].to_owned(), value);
        }
        state
    }
}

pub(crate) fn rejected() -> Failure {
    Failure::new(FailureKind::Rejected, "the other side answered status 404")
}

pub(crate) const AUDIT: &str = r#"{"eventData":{"n":1}}"#;

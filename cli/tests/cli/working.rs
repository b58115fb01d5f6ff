//! The resident worker: a real process, real signals, over both protocols.

use std::process::Stdio;
use std::time::{Duration, Instant};

use devkit::redis::{RedisOptions, RedisServer};
use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::bench::{AUDIT, Bench, redis};

/// Longest wait for anything here. Chosen: far beyond what a slow machine takes, so that it ends a test that hangs and no other.
const PATIENCE: Duration = Duration::from_mins(1);

const WEBHOOK: &str = r#"{"escrowId":"esc-1","statusBefore":"created","statusAfter":"authorized","occurredAt":1}"#;

/// A worker, and the lines it writes.
struct Worker {
    child: Child,
    lines: UnboundedReceiver<String>,
}

impl Worker {
    fn start(t: &Bench, words: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args(["--json", "work"]).args(words).env_clear().envs(&t.variables).current_dir(t.folder());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut written = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, lines) = unbounded_channel();
        // A pipe that nobody reads would hold the worker up.
        tokio::spawn(async move {
            while let Ok(Some(line)) = written.next_line().await {
                let _ = tell.send(line);
            }
        });
        Self { child, lines }
    }

    /// Waits for a line with this outcome.
    async fn says(&mut self, outcome: &str) -> Value {
        let wait = async {
            while let Some(line) = self.lines.recv().await {
                let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
                if line["outcome"] == outcome {
                    return line;
                }
            }
            panic!("the worker ended before it said {outcome}");
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    }

    async fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().await.unwrap().success());
    }

    /// Waits for its end and returns the exit code.
    async fn ends(&mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code()
    }
}

async fn plant(t: &Bench, count: usize, job_type: JobType, payload: &str) -> Vec<JobId> {
    let ids: Vec<JobId> = (0..count).map(|n| JobId::parse(format!("job-{n}")).unwrap()).collect();
    for some in ids.chunks(1_000) {
        t.plant_all(some, job_type, payload).await;
    }
    ids
}

/// Ids of the jobs that have records in the audit log, as often as they have one.
async fn recorded(t: &Bench) -> u64 {
    t.redis(&["XLEN", &format!("{}audit", t.prefix)]).await.as_u64().unwrap()
}

async fn wait_for(mut what: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    // Looked at now and then: the process that is waited for has the same two cores.
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while !what().await {
        assert!(began.elapsed() < PATIENCE);
        ticks.tick().await;
    }
}

#[tokio::test]
async fn a_drain_in_the_middle_loses_nothing_runs_nothing_twice_and_costs_no_attempt() {
    for over_redis in [false, true] {
        let mut t = Bench::new().await;
        if over_redis {
            t.variables.insert("REDIS_URL", format!("redis://{}", redis()));
            t.variables.remove("KV_REST_API_URL");
        }
        let ids = plant(&t, 1_000, JobType::AuditLogCreated, AUDIT).await;
        let mut worker = Worker::start(&t, &["--types", "audit_log_created", "--concurrency", "4", "--limit", "50"]);
        worker.says("started").await;
        wait_for(async || recorded(&t).await > 50).await;

        worker.signal("TERM").await;
        worker.says("draining").await;
        let first = worker.says("stopped").await;

        assert_eq!(worker.ends().await, Some(0));
        let done = first["completed"].as_u64().unwrap();
        assert!((1..1_000).contains(&done), "{first}");
        assert_eq!(recorded(&t).await, done);
        let stats = t.queue.stats().await.unwrap();
        assert_eq!((stats.ready[&JobType::AuditLogCreated], stats.in_flight.values().sum::<u64>()), (1_000 - done, 0));
        assert_eq!(t.redis(&["HLEN", &format!("{}queue:attempts", t.prefix)]).await, 0);

        let mut worker = Worker::start(&t, &["--types", "audit_log_created"]);
        wait_for(async || recorded(&t).await == 1_000).await;
        worker.signal("INT").await;
        assert_eq!(worker.says("stopped").await["completed"], 1_000 - done);
        assert_eq!(worker.ends().await, Some(0));
        for id in ids.iter().step_by(50) {
            let document = t.queue.status(id).await.unwrap().unwrap().document;
            assert_eq!((document.status.as_str(), document.attempt_count), ("completed", 1));
        }
    }
}

/// A webhook's receiver that takes the connection and never answers.
async fn silent_receiver(t: &mut Bench) -> TcpListener {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = receiver.local_addr().unwrap();
    t.variables.insert("WEBHOOK_URL", format!("http://{address}/"));
    t.variables.insert("WEBHOOK_SIGNING_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".into());
    t.variables.insert("WEBHOOK_ALLOW_PRIVATE", address.to_string());
    receiver
}

#[tokio::test]
async fn a_killed_workers_jobs_come_back_when_their_leases_lapse() {
    let mut t = Bench::new().await;
    let receiver = silent_receiver(&mut t).await;
    plant(&t, 1, JobType::WebhookEscrowStatusChanged, WEBHOOK).await;
    let mut worker = Worker::start(&t, &["--type", "webhook_escrow_status_changed", "--time-box", "1s"]);
    let (mut held, _) = tokio::time::timeout(PATIENCE, receiver.accept()).await.unwrap().unwrap();
    assert!(held.read(&mut [0; 16]).await.unwrap() > 0);

    worker.child.start_kill().unwrap();
    worker.ends().await;

    let timers = t.redis(&["ZRANGE", &format!("{}queue:timers", t.prefix), "0", "-1", "WITHSCORES"]).await;
    assert_eq!(timers[0], "webhook_escrow_status_changed/job-0");
    // Time goes by for Redis alone: the lease's end is moved to now.
    t.redis(&["ZADD", &format!("{}queue:timers", t.prefix), "1", "webhook_escrow_status_changed/job-0"]).await;
    let mut second = Worker::start(&t, &["--type", "webhook_escrow_status_changed"]);
    tokio::time::timeout(PATIENCE, receiver.accept()).await.unwrap().unwrap();
    second.signal("TERM").await;
    second.says("draining").await;
    second.signal("TERM").await;
    assert_eq!(second.ends().await, Some(5), "a second signal does not wait for a receiver that hangs");
    let attempts = t.redis(&["HGET", &format!("{}queue:attempts", t.prefix), "job-0"]).await;
    assert_eq!(attempts.as_str().unwrap().split(' ').next(), Some("2"), "a crash costs an attempt");
}

#[tokio::test]
async fn a_job_that_does_not_end_in_the_grace_is_tried_again_later() {
    let mut t = Bench::new().await;
    let receiver = silent_receiver(&mut t).await;
    plant(&t, 1, JobType::WebhookEscrowStatusChanged, WEBHOOK).await;
    let mut worker = Worker::start(&t, &["--type", "webhook_escrow_status_changed", "--grace", "0s"]);
    let held = tokio::time::timeout(PATIENCE, receiver.accept()).await.unwrap().unwrap();

    worker.signal("INT").await;

    assert_eq!(worker.says("stopped").await["retried"], 1);
    assert_eq!(worker.ends().await, Some(0));
    drop(held);
}

#[tokio::test]
async fn an_idle_worker_looks_seldom_and_a_fresh_file_says_that_it_lives() {
    let t = Bench::new().await;
    let words = ["--type", "audit_log_created", "--idle-min", "5m", "--idle-max", "5m", "--health-file", "health"];
    let mut worker = Worker::start(&t, &[&words[..], &["--concurrency", "8"]].concat());
    wait_for(async || t.run(&["healthy", "health"]).await.code == 0).await;
    let calls = t.rest.calls();
    worker.signal("TERM").await;
    assert_eq!(worker.says("stopped").await["processed"], 0);
    assert_eq!(worker.ends().await, Some(0));
    // One look, and perhaps one at alerts.
    assert!((1..=2).contains(&calls), "{calls}");
    assert_eq!(t.run(&["healthy", "health", "--within", "0s"]).await.code, 1);
    let gone = t.run(&["healthy", "nowhere"]).await;
    assert!(gone.code == 1 && gone.out.starts_with("the health file cannot be read: "), "{gone:?}");
}

#[tokio::test]
async fn what_can_never_work_is_said_at_once_and_no_password_with_it() {
    let mut t = Bench::new().await;
    let without = t.run(&["work"]).await;
    assert!(without.code == 4 && without.err.contains("nothing was claimed"), "{without:?}");

    let server = RedisServer::start(RedisOptions::default()).await.unwrap();
    let url = format!("redis://{}", server.addr());
    let mut connection = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut connection, b"CONFIG SET requirepass correct-horse\r\n").await.unwrap();
    assert!(connection.read(&mut [0; 16]).await.unwrap() > 0);
    t.variables.insert("REDIS_URL", url.replace("//", "//:hunter2@"));
    let wrong = t.run(&["work", "--type", "audit_log_created"]).await;
    assert_eq!(wrong.code, 5, "{wrong:?}");
    assert!(wrong.err.ends_with("holdfast: Redis refused: the user name or password is wrong, or may not do this\n"));
    assert!(!wrong.err.contains("hunter2"), "{wrong:?}");

    t.variables.insert("REDIS_URL", "https://example.com".into());
    let malformed = t.run(&["work", "--type", "audit_log_created"]).await;
    assert!(malformed.code == 4 && malformed.err.contains("REDIS_URL is not an address such as"), "{malformed:?}");
    for words in [["--concurrency", "0"], ["--idle-min", "6m"], ["--idle-max", "500ms"], ["--time-box", "1d"]] {
        assert_eq!(t.run(&[&["work"], &words[..]].concat()).await.code, 2, "{words:?}");
    }
}

#[tokio::test]
async fn a_redis_that_goes_and_comes_back_is_waited_for() {
    let mut t = Bench::new().await;
    let mut server = RedisServer::start(RedisOptions::default()).await.unwrap();
    t.variables.insert("REDIS_URL", format!("redis://{}", server.addr()));
    let mut worker = Worker::start(&t, &["--type", "audit_log_created", "--health-file", "health", "--idle-max", "1s"]);
    wait_for(async || t.run(&["healthy", "health"]).await.code == 0).await;

    server.restart().await.unwrap();
    let mut connection = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    let (document, key) =
        (format!(r#"{{"type":"audit_log_created","payload":{AUDIT}}}"#), format!("{}job:job-1", t.prefix));
    let queue = format!("{}queue:audit_log_created", t.prefix);
    let mut wire = Vec::new();
    for words in [["SET", &key, &document], ["RPUSH", &queue, "job-1"]] {
        wire.extend(format!("*{}\r\n", words.len()).into_bytes());
        for word in words {
            wire.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
    }
    tokio::io::AsyncWriteExt::write_all(&mut connection, &wire).await.unwrap();

    worker.says("completed").await;
    worker.signal("TERM").await;
    assert_eq!(worker.ends().await, Some(0));
}

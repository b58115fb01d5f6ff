//! The queue over Redis' own protocol: the same scripts, the same errors, the same repeats. Its other tests run over it too, with
//! `HOLDFAST_TRANSPORT=resp`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use devkit::redis::{RedisOptions, RedisServer};
use holdfast::app::App;
use holdfast::config::{Config, Secret};
use holdfast::domain::job::JobType;
use holdfast::domain::outcome::{FailureKind, Outcome};
use holdfast::edge::{Clock, Dice};
use holdfast::processor::{BatchRequest, Processor, TimeBox};
use holdfast::queue::{Enqueued, Settled, Verdict};
use holdfast::upstash::{Upstash, UpstashError};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::bench::{Bench, LEASE, START, dedupe, failure, redis};
use crate::relay::{Break, Relay};

/// Everything that makes an answer go missing.
const BREAKS: [&[Break]; 4] = [&[Break::Before], &[Break::After], &[Break::Silence], &[Break::Before, Break::After]];

/// A bench behind a relay, with the scripts it uses known to Redis.
async fn behind_a_relay() -> (Bench, Relay) {
    let relay = Relay::before(redis()).await;
    let t = Bench::over(Some(relay.address)).await;
    t.enqueue_many(1).await;
    let warm = t.claim_one().await;
    t.settle(&warm, Verdict::Complete).await;
    (t, relay)
}

/// Runs `act` unbroken and with each break; the store ends the same.
async fn ends_the_same<F>(act: impl Fn(Bench) -> F)
where
    F: Future<Output = Bench>,
{
    let state_after = async |breaks: &[Break]| -> BTreeMap<String, Value> {
        let (t, relay) = behind_a_relay().await;
        relay.then(breaks).await;
        let t = act(t).await;
        assert_eq!(relay.broken(), breaks.len());
        t.state().await
    };
    let expected = state_after(&[]).await;
    for breaks in BREAKS {
        assert_eq!(state_after(breaks).await, expected, "{breaks:?}");
    }
}

#[tokio::test]
async fn an_enqueue_repeated_stores_one_job() {
    ends_the_same(async |t: Bench| {
        let enqueued = t.enqueue(dedupe("k")).await;
        assert!(matches!(enqueued, Enqueued::New(_)), "{enqueued:?}");
        t
    })
    .await;
}

#[tokio::test]
async fn a_claim_repeated_gets_the_same_jobs() {
    ends_the_same(async |t: Bench| {
        t.enqueue_many(3).await;
        t.queue.claim(&t.request(2)).await.unwrap();
        t
    })
    .await;
}

#[tokio::test]
async fn each_verdict_repeated_counts_once() {
    let verdicts = [
        Verdict::Complete,
        Verdict::Retry { failure: failure(FailureKind::Timeout), at: START.plus(LEASE) },
        Verdict::Bury(failure(FailureKind::Rejected)),
        Verdict::Release(None),
    ];
    for verdict in verdicts {
        ends_the_same(async |t: Bench| {
            t.enqueue_many(1).await;
            let job = t.claim_one().await;
            assert_eq!(t.settle(&job, verdict.clone()).await, Settled::Done, "{verdict:?}");
            t
        })
        .await;
    }
}

#[tokio::test]
async fn a_batch_is_done_once_whatever_breaks_on_the_way() {
    for breaks in BREAKS {
        let (t, relay) = behind_a_relay().await;
        t.enqueue_many(30).await;
        relay.then(breaks).await;
        let request = BatchRequest {
            types: JobType::ALL.to_vec(),
            limit: 10,
            time_box: TimeBox::of(Duration::from_secs(50)),
            until_empty: true,
        };
        let processor = Processor::new(t.queue.clone(), t.dice.clone());

        let report = processor.process_batch(&request, async |_, _, _| Outcome::Completed).await;

        assert_eq!(report.unwrap().all.completed, 30);
        assert_eq!(t.at("queue:in_flight").await["audit_log_created"], "0");
        assert_eq!(t.at("stats:counters").await["audit_log_created:completed"], "31");
    }
}

#[tokio::test]
async fn a_document_that_is_no_text_is_a_dead_letter_and_holds_up_no_other() {
    let t = Bench::over(Some(redis())).await;
    let bad = r"return redis.call('SET', KEYS[1], '\255\254')";
    t.redis(&["EVAL", bad, "1", &format!("{}job:bad", t.prefix)]).await;
    t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), "bad"]).await;
    t.enqueue_many(3).await;
    let time_box = TimeBox::of(Duration::from_secs(50));
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 10, time_box, until_empty: true };
    let processor = Processor::new(t.queue.clone(), t.dice.clone());

    let report = processor.process_batch(&request, async |_, _, _| Outcome::Completed).await.unwrap();

    assert_eq!((report.all.completed, report.all.dead_lettered), (3, 1));
}

#[tokio::test]
async fn callers_share_one_connection_and_a_new_one_takes_its_place() {
    let (t, relay) = behind_a_relay().await;
    assert_eq!(relay.connections(), 1);
    relay.then(&[Break::After]).await;
    let (one, two, three) = tokio::join!(t.enqueue_many(10), t.enqueue_many(10), t.enqueue_many(10));
    assert_eq!(one.len() + two.len() + three.len(), 30);
    assert_eq!(relay.connections(), 2);
    assert_eq!(t.queue.stats().await.unwrap().ready.values().sum::<u64>(), 30);
}

#[tokio::test]
async fn to_settle_nothing_is_no_request() {
    let (t, _) = behind_a_relay().await;
    assert_eq!(t.queue.settle(&[]).await, Ok(vec![]));
    let t = Bench::over(None).await;
    assert_eq!((t.queue.settle(&[]).await, t.rest.calls()), (Ok(vec![]), 0));
}

#[tokio::test]
async fn a_script_that_redis_does_not_know_is_sent_whole() {
    let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
    let t = Bench::over(Some(redis.addr())).await;
    let first = t.queue.claim(&t.request(10)).await.unwrap();
    assert!(first.jobs.is_empty());
    assert!(t.queue.claim(&t.request(10)).await.is_ok());
}

fn app(url: &str) -> App {
    let config = Config::from_lookup(|name| (name == "REDIS_URL").then(|| url.to_owned()));
    App::over_redis(config, Clock::Real, Dice::Real).unwrap()
}

async fn error_at(url: &str) -> UpstashError {
    let began = Instant::now();
    let error = app(url).queue().unwrap().stats().await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(4), "a call has its time");
    error
}

#[tokio::test]
async fn a_server_that_is_gone_was_not_written_to() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    let error = error_at(&format!("redis://:hunter2@127.0.0.1:{port}")).await;
    assert_eq!(error.to_string(), "Redis cannot be reached: no connection");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_in_time() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = silent.local_addr().unwrap();
    let error = error_at(&format!("redis://:hunter2@{address}")).await;
    assert_eq!(error.to_string(), "Redis cannot be reached: no connection in time");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_spoken_to_without() {
    let error = error_at(&format!("rediss://:hunter2@{}", redis())).await;
    assert!(matches!(&error, UpstashError::NotSent(_)), "{error}");
    assert!(!error.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_is_no_redis_is_told_apart_from_one_that_is_gone() {
    let t = Bench::over(None).await;
    let address: SocketAddr = t.rest.url().trim_start_matches("http://").parse().unwrap();
    let error = error_at(&format!("redis://:hunter2@{address}")).await;
    assert!(matches!(&error, UpstashError::NotSent(_) | UpstashError::Unknown(_)), "{error}");
    assert!(!error.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_repeated() {
    let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
    let open = Upstash::over_redis(&Secret::new(format!("redis://{}", redis.addr()))).unwrap();
    let mut connection = tokio::net::TcpStream::connect(redis.addr()).await.unwrap();
    let config = b"CONFIG SET requirepass correct-horse\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut connection, config).await.unwrap();
    tokio::io::AsyncReadExt::read(&mut connection, &mut [0; 64]).await.unwrap();

    let wrong = error_at(&format!("redis://:hunter2@{}", redis.addr())).await;
    let none = error_at(&format!("redis://{}", redis.addr())).await;

    assert_eq!(wrong.to_string(), "Redis refused: the user name or password is wrong, or may not do this");
    assert!(matches!(&none, UpstashError::Refused(message) if message.starts_with("NOAUTH")), "{none}");
    assert!(app(&format!("redis://:correct-horse@{}", redis.addr())).queue().unwrap().stats().await.is_ok());
    assert_eq!(format!("{open:?}"), "Upstash { .. }");
}

#[tokio::test]
async fn a_redis_that_starts_again_is_found_again() {
    let folder = std::env::temp_dir().join(format!("holdfast-resp-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let options = RedisOptions { data_dir: Some(folder.clone()), ..RedisOptions::default() };
    let mut redis = RedisServer::start(options).await.unwrap();
    let app = app(&format!("redis://{}", redis.addr()));
    let queue = app.queue().unwrap();
    assert!(queue.stats().await.is_ok());
    redis.restart().await.unwrap();
    assert!(queue.stats().await.is_ok());
    drop(redis);
    let _ = std::fs::remove_dir_all(folder);
}

//! Every write with its answer lost and the call repeated: one effect, and the answer of the first time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use devkit::redis::{Kind, RedisOptions, RedisServer};
use devkit::rest::Fault;
use holdfast::domain::job::JobOptions;
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{Cancelled, Enqueued, Settled, Verdict};
use holdfast::upstash::UpstashError;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::{Bench, LEASE, START, dedupe, failure};

/// Everything that makes an answer go missing after Redis has acted.
const LOST: [Fault; 3] = [Fault::ReplyLost, Fault::ReplyCut, Fault::StatusAfter(502)];

async fn state_after<F>(fault: Option<Fault>, act: impl Fn(Bench) -> F) -> BTreeMap<String, Value>
where
    F: Future<Output = Bench>,
{
    let t = Bench::new().await;
    // Scripts are known to Redis before the fault, so that it meets the call itself.
    t.queue.enqueue(&[t.job(crate::bench::ANY, crate::bench::PAYLOAD, JobOptions::default())]).await.unwrap();
    let warm = t.claim_one().await;
    t.settle(&warm, Verdict::Complete).await;
    if let Some(fault) = fault {
        t.fault(fault);
    }
    let t = act(t).await;
    assert_eq!(t.rest.faults().fired(), u64::from(fault.is_some()));
    t.state().await
}

/// Runs `act` without a fault and with each that loses the answer; the store ends the same.
async fn ends_the_same<F>(act: impl Fn(Bench) -> F)
where
    F: Future<Output = Bench>,
{
    let expected = state_after(None, &act).await;
    for fault in LOST {
        assert_eq!(state_after(Some(fault), &act).await, expected, "{fault:?}");
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
    let expected = claimed_with(None).await;
    for fault in LOST {
        assert_eq!(claimed_with(Some(fault)).await, expected, "{fault:?}");
    }
}

async fn claimed_with(fault: Option<Fault>) -> Vec<(String, u32, u32)> {
    let t = Bench::new().await;
    t.enqueue_many(3).await;
    t.claim(1).await;
    if let Some(fault) = fault {
        t.fault(fault);
    }
    let claimed = t.claim(10).await;
    let begun = t.at("queue:attempts").await;
    let read = |job: &holdfast::queue::ClaimedJob| {
        let counted = begun[job.id.as_str()].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
        (job.id.to_string(), job.attempt, counted)
    };
    claimed.jobs.iter().map(read).collect()
}

#[tokio::test]
async fn a_claim_that_arrives_after_its_repetition_takes_nothing() {
    let t = Bench::new().await;
    t.enqueue_many(5).await;
    let request = t.request(2);
    t.fault(Fault::Status(502));
    let claimed = t.queue.claim(&request).await.unwrap();
    let before = t.state().await;

    let late = t.queue.claim(&request).await.unwrap();

    assert_eq!((claimed.jobs.len(), late.jobs.len()), (2, 0));
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn a_claim_that_arrives_after_its_repetition_found_nothing_takes_nothing() {
    let t = Bench::new().await;
    let request = t.request(2);
    t.fault(Fault::Status(502));
    let claimed = t.queue.claim(&request).await.unwrap();
    t.enqueue_many(3).await;
    let before = t.state().await;

    let late = t.queue.claim(&request).await.unwrap();

    assert_eq!((claimed.jobs.len(), claimed.more, late.jobs.len()), (0, false, 0));
    assert_eq!(t.state().await, before);
    assert_eq!(t.claim(10).await.jobs.len(), 3);
}

#[tokio::test]
async fn each_verdict_repeated_counts_once() {
    let verdicts = || {
        [
            Verdict::Complete,
            Verdict::Retry { failure: failure(FailureKind::Timeout), at: START.plus(LEASE) },
            Verdict::Bury(failure(FailureKind::Rejected)),
            Verdict::Release(None),
            Verdict::Release(Some(START.plus(LEASE))),
        ]
    };
    for index in 0..verdicts().len() {
        let verdict = &verdicts()[index];
        let settle = async |fault: Option<Fault>| {
            let t = Bench::new().await;
            t.enqueue_many(1).await;
            let job = t.claim_one().await;
            if let Some(fault) = fault {
                t.fault(fault);
            }
            assert_eq!(t.settle(&job, verdict.clone()).await, Settled::Done, "{verdict:?} {fault:?}");
            t.state().await
        };
        let expected = settle(None).await;
        for fault in LOST {
            assert_eq!(settle(Some(fault)).await, expected, "{verdict:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn settling_and_claiming_in_one_request_may_be_repeated() {
    for fault in LOST {
        let t = Bench::new().await;
        let ids = t.enqueue_many(2).await;
        let first = t.claim(1).await.jobs.remove(0);
        t.fault(fault);

        let verdicts = [t.settlement(&first, Verdict::Complete)];
        let (settled, claimed) = t.queue.settle_and_claim(&verdicts, &t.request(10)).await.unwrap();

        assert_eq!(settled, [Settled::Done], "{fault:?}");
        let claimed: Vec<_> = claimed.jobs.iter().map(|job| (job.id.clone(), job.attempt)).collect();
        assert_eq!(claimed, [(ids[1].clone(), 1)], "{fault:?}");
    }
}

#[tokio::test]
async fn a_claim_that_was_done_beside_a_settlement_without_room_is_not_made_anew() {
    // In a full Redis, settling, which begins with SET, has no room, and claiming, which begins with LPOP, is done.
    let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
    if redis.kind() == Kind::Meebis {
        return; // It has no limit.
    }
    let t = Bench::before_own(&redis).await;
    t.enqueue_many(6).await;
    let first = t.claim(1).await.jobs.remove(0);
    t.settle(&t.claim(1).await.jobs.remove(0), Verdict::Complete).await;
    // Past the REST server, which leaves settings to the service.
    let mut settings = tokio::net::TcpStream::connect(redis.addr()).await.unwrap();
    settings.write_all(b"CONFIG SET maxmemory 1\r\n").await.unwrap();
    let mut answer = [0; 5];
    settings.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n");

    let verdicts = [t.settlement(&first, Verdict::Complete)];
    let answer = t.queue.settle_and_claim(&verdicts, &t.request(1)).await;

    assert!(matches!(answer, Err(UpstashError::Unknown(_))), "{answer:?}");
    assert_eq!(t.at("queue:audit_log_created").await.as_array().unwrap().len(), 3, "one of four was claimed");
}

#[tokio::test]
async fn a_script_that_was_done_before_the_others_were_throttled_may_have_been_done() {
    // To a Redis of its own each script is new: those it knows are done, and then the others are sent whole.
    let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
    let t = Bench::before_own(&redis).await;
    t.enqueue_many(6).await;
    let first = t.claim(1).await.jobs.remove(0);
    for _ in 0..3 {
        t.rest.faults().next_matching("settle: end claims", Fault::Status(429));
    }

    let verdicts = [t.settlement(&first, Verdict::Complete)];
    let answer = t.queue.settle_and_claim(&verdicts, &t.request(1)).await;

    assert!(matches!(answer, Err(UpstashError::Unknown(_))), "{answer:?}");
    assert_eq!(t.at("queue:audit_log_created").await.as_array().unwrap().len(), 4, "one of five was claimed");
}

#[tokio::test]
async fn a_cancel_repeated_is_done() {
    for fault in LOST {
        let t = Bench::new().await;
        let id = t.enqueue(dedupe("k")).await.id().clone();
        t.rest.faults().next_matching("cancelled", fault);

        assert_eq!(t.queue.cancel(&id).await.unwrap(), Cancelled::Done, "{fault:?}");
        assert_eq!(t.at("stats:counters").await["audit_log_created:cancelled"], "1", "{fault:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_and_a_short_throttling_are_survived() {
    for fault in [Fault::Refused, Fault::Status(429), Fault::Status(500), Fault::Status(502)] {
        let t = Bench::new().await;
        t.fault(fault);
        t.fault(fault);

        assert!(matches!(t.enqueue(JobOptions::default()).await, Enqueued::New(_)), "{fault:?}");
    }
}

#[tokio::test]
async fn a_redis_that_never_answers_is_given_up_within_three_seconds() {
    let t = Bench::new().await;
    t.rest.faults().always(Fault::Stall);
    let started = Instant::now();

    let answer = t.queue.claim(&t.request(1)).await;

    assert!(matches!(answer, Err(UpstashError::Unknown(_))), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

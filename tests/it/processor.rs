//! `process_batch`: what is run, in which order, and what becomes of it when handlers and time misbehave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use devkit::rest::Fault;
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobDocument, JobOptions, JobStatus, JobType, Payload};
use holdfast::domain::outcome::{Failure, FailureKind, Outcome};
use holdfast::processor::{BatchReport, BatchRequest, Handler, Processor, TimeBox};
use holdfast::queue::{LetterRange, Verdict};
use holdfast::upstash::UpstashError;
use serde_json::json;

use crate::bench::{ANY, Bench, LEASE, PAYLOAD, delayed, failure};

const MAIL: &str = r#"{"transactionId":"e","recipientEmail":"a@b"}"#;

async fn process(t: &Bench, limit: u32, time_box: Duration, handler: impl Handler) -> BatchReport {
    let processor = Processor::new(t.queue.clone(), t.dice.clone());
    let time_box = TimeBox::of(time_box);
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit, time_box, until_empty: true };
    processor.process_batch(&request, handler).await.unwrap()
}

const BOX: Duration = Duration::from_secs(50);

/// A handler that notes what it ran and ends with what `outcome` says.
fn noting(
    outcome: impl Fn(&JobDocument) -> Outcome + Clone + Send + 'static,
) -> (Arc<Mutex<Vec<JobDocument>>>, impl Handler) {
    let ran = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&ran);
    let handler = move |_attempt: u32, document: JobDocument, _payload: Payload| {
        let outcome = outcome(&document);
        noted.lock().unwrap().push(document);
        async move { outcome }
    };
    (ran, handler)
}

fn failed(kind: FailureKind) -> Outcome {
    Outcome::Failed(failure(kind))
}

#[tokio::test]
async fn everything_due_is_done_and_the_report_says_so() {
    let t = Bench::new().await;
    t.enqueue_many(25).await;
    let mail = t.job(JobType::SendDisputeEmail, MAIL, JobOptions::default());
    t.queue.enqueue(&[mail]).await.unwrap();
    t.enqueue(delayed(LEASE)).await;
    let (ran, handler) = noting(|_| Outcome::Completed);

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!(ran.lock().unwrap().len(), 26);
    let mut report = json!(report);
    report["durationMs"] = json!(0);
    let sums = |n: u32| json!({"processed": n, "completed": n, "retried": 0, "deadLettered": 0, "released": 0});
    let mut expected = sums(26);
    expected["durationMs"] = json!(0);
    expected["more"] = json!(false);
    expected["byType"] = json!({"audit_log_created": sums(25), "send_dispute_email": sums(1)});
    assert_eq!(report, expected);
}

#[tokio::test]
async fn a_run_whose_results_do_not_reach_redis_does_not_say_that_nothing_was_done() {
    let t = Bench::over(None).await;
    t.enqueue_many(1).await;
    let (_, handler) = noting(|_| Outcome::Completed);
    for _ in 0..3 {
        t.rest.faults().next_matching(r#""complete""#, Fault::Status(429));
    }
    let processor = Processor::new(t.queue.clone(), t.dice.clone());
    let time_box = TimeBox::of(BOX);
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 10, time_box, until_empty: true };

    let answer = processor.process_batch(&request, handler).await;

    assert!(matches!(answer, Err(UpstashError::Unknown(_))), "{answer:?}");
}

#[tokio::test]
async fn an_idle_run_does_nothing() {
    let t = Bench::new().await;
    let (_, handler) = noting(|_| Outcome::Completed);

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!((report.all.processed, report.more), (0, false));
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn types_take_turns_so_a_flood_of_one_starves_no_other() {
    let t = Bench::new().await;
    t.enqueue_many(200).await;
    let mails: Vec<_> = (0..3).map(|_| t.job(JobType::SendDisputeEmail, MAIL, JobOptions::default())).collect();
    t.queue.enqueue(&mails).await.unwrap();
    let (ran, handler) = noting(|_| Outcome::Completed);

    process(&t, 50, BOX, handler).await;

    let first: Vec<JobType> = ran.lock().unwrap().iter().take(6).map(|document| document.job_type).collect();
    assert_eq!(first.iter().filter(|job_type| **job_type == JobType::SendDisputeEmail).count(), 3, "{first:?}");
}

#[tokio::test]
async fn a_failing_job_waits_two_then_four_seconds_and_then_is_a_dead_letter() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let (ran, handler) = noting(|_| failed(FailureKind::Unavailable));
    for (wait_ms, runs) in [(0, 1), (1_900, 1), (200, 2), (3_800, 2), (400, 3), (800_000, 3)] {
        t.advance(Duration::from_millis(wait_ms));
        process(&t, 10, BOX, handler.clone()).await;
        assert_eq!(ran.lock().unwrap().len(), runs, "after {wait_ms} ms more");
    }

    let document = t.queue.status(&id).await.unwrap().unwrap().document;
    assert_eq!((document.status, document.attempt_count), (JobStatus::DeadLetter, 3));
    assert_eq!(document.last_error.unwrap().message, "the other side said no");
}

#[tokio::test]
async fn a_final_failure_is_a_dead_letter_at_once() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let (_, handler) = noting(|_| failed(FailureKind::Rejected));

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!((report.all.dead_lettered, report.all.retried), (1, 0));
}

#[tokio::test]
async fn a_panic_is_a_failure_of_its_job_alone() {
    let t = Bench::new().await;
    let ids = t.enqueue_many(3).await;
    let bad = ids[1].clone();

    let report = process(&t, 10, BOX, move |_, document: JobDocument, _| {
        let panics = document.id == bad;
        async move {
            assert!(!panics, "this handler panics on purpose");
            Outcome::Completed
        }
    })
    .await;

    assert_eq!((report.all.completed, report.all.retried), (2, 1));
    let document = t.queue.status(&ids[1]).await.unwrap().unwrap().document;
    assert_eq!(document.last_error.unwrap().kind, Some(FailureKind::Panicked));
}

#[tokio::test]
async fn a_handler_that_hangs_is_cancelled_at_the_end_of_the_box_and_retried() {
    let t = Bench::new().await;
    let ids = t.enqueue_many(2).await;
    let hangs = ids[0].clone();

    let report = process(&t, 10, Duration::from_millis(500), move |_, document: JobDocument, _| {
        let hangs = document.id == hangs;
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Outcome::Completed
        }
    })
    .await;

    assert_eq!((report.all.completed, report.all.retried, report.more), (1, 1, true));
    let document = t.queue.status(&ids[0]).await.unwrap().unwrap().document;
    assert_eq!((document.status, document.attempt_count), (JobStatus::Failed, 1));
    assert_eq!(document.last_error.unwrap().message, "the processor's time was over before the handler ended");
}

#[tokio::test]
async fn what_the_box_has_no_time_for_is_released_and_has_cost_no_attempt() {
    let t = Bench::new().await;
    let ids = t.enqueue_many(100).await;

    let report = process(&t, 100, Duration::from_millis(400), |_, _, _| std::future::pending()).await;

    assert_eq!((report.all.retried, report.all.released, report.more), (32, 68, true));
    assert_eq!(t.at("queue:audit_log_created").await, json!(ids[32..]));
    assert_eq!(t.at("queue:attempts").await.as_object().unwrap().len(), 32);
}

#[tokio::test]
async fn what_takes_several_calls_to_release_comes_back_in_its_order() {
    let t = Bench::new().await;
    let ids = t.enqueue_many(300).await;

    let report = process(&t, 250, Duration::from_millis(400), |_, _, _| std::future::pending()).await;

    assert_eq!((report.all.retried, report.all.released), (32, 218));
    assert_eq!(t.at("queue:audit_log_created").await, json!(ids[32..]));
}

#[tokio::test]
async fn a_job_whose_processor_was_killed_comes_back_and_dies_after_its_last_attempt() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let (ran, handler) = noting(|_| Outcome::Completed);
    for _ in 0..3 {
        // Claimed and never settled: what a killed processor leaves behind.
        t.claim_one().await;
        t.advance(LEASE);
    }

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!((report.all.dead_lettered, ran.lock().unwrap().len()), (1, 0));
    let document = t.queue.status(&id).await.unwrap().unwrap().document;
    let error = document.last_error.unwrap();
    assert_eq!((document.status, error.kind), (JobStatus::DeadLetter, Some(FailureKind::Crashed)));
    assert_eq!((error.message.starts_with("attempt 3 was the last"), document.attempt_count), (true, 3), "{error:?}");
}

#[tokio::test]
async fn one_crash_leaves_the_other_attempts() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    t.claim_one().await;
    t.advance(LEASE);
    let (_, handler) = noting(|_| Outcome::Completed);

    assert_eq!(process(&t, 10, BOX, handler).await.all.completed, 1);
}

#[tokio::test]
async fn unreadable_jobs_are_dead_letters_with_the_reason_and_their_text() {
    let t = Bench::new().await;
    for (id, text) in [("bad-1", "{"), ("bad-2", r#"{"type":"audit_log_created","payload":{}}"#)] {
        t.redis(&["SET", &format!("{}job:{id}", t.prefix), text]).await;
        t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), id]).await;
    }
    let (ran, handler) = noting(|_| Outcome::Completed);

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!((report.all.dead_lettered, ran.lock().unwrap().len()), (2, 0));
    let letters = t.queue.dead_letters(&LetterRange::default(), 10).await.unwrap().letters;
    let errors: Vec<_> =
        letters.iter().map(|letter| letter.document.last_error.as_ref().unwrap().message.as_str()).collect();
    assert!(errors.contains(&"job document is not a JSON object: the text ends too soon, at column 1"), "{errors:?}");
    assert!(errors.contains(&"payload of audit_log_created: missing field `eventData`"), "{errors:?}");
    assert!(t.at("job:bad-1").await.as_str().unwrap().ends_with(r#""unreadable":"{"}"#));
}

#[tokio::test]
async fn a_job_of_a_newer_form_is_left_for_a_newer_deployment() {
    let t = Bench::new().await;
    let text = r#"{"type":"audit_log_created","payload":{"eventData":{}},"schemaVersion":2}"#;
    t.redis(&["SET", &format!("{}job:new", t.prefix), text]).await;
    t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), "new"]).await;
    let (ran, handler) = noting(|_| Outcome::Completed);

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!((report.all.released, ran.lock().unwrap().len()), (1, 0));
    assert_eq!(t.at("job:new").await, json!(text));
    assert_eq!(t.at("queue:attempts").await, json!(null));
}

#[tokio::test]
async fn a_long_retry_after_is_waited_for() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let throttled = Failure::new(FailureKind::Throttled, "429").after(Some(Duration::from_secs(30)));
    let (ran, handler) = noting(move |_| Outcome::Failed(throttled.clone()));
    process(&t, 10, BOX, handler.clone()).await;
    t.advance(Duration::from_secs(29));
    process(&t, 10, BOX, handler.clone()).await;
    assert_eq!(ran.lock().unwrap().len(), 1);

    t.advance(Duration::from_secs(2));
    process(&t, 10, BOX, handler).await;

    assert_eq!(ran.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_result_whose_lease_was_lost_counts_for_nothing() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let (queue, clock, dice) = (t.queue.clone(), t.clock.clone(), t.dice.clone());

    let report = process(&t, 10, BOX, move |_, _, _| {
        let (queue, clock, dice) = (queue.clone(), clock.clone(), dice.clone());
        async move {
            // While the handler runs its lease lapses, and another processor takes the job and completes it.
            clock.advance(Duration::from_mins(10));
            let id = dice.claim_id();
            let request = holdfast::queue::ClaimRequest { id, types: vec![ANY], limit: 1, lease: LEASE };
            let job = queue.claim(&request).await.unwrap().jobs.remove(0);
            let completed = holdfast::queue::Settlement::new(&job, Verdict::Complete, clock.now());
            queue.settle(&[completed]).await.unwrap();
            failed(FailureKind::Rejected)
        }
    })
    .await;

    assert_eq!(report.all.processed, 0);
    assert_eq!(t.queue.status(&id).await.unwrap().unwrap().document.status, JobStatus::Completed);
}

#[tokio::test]
async fn an_id_pushed_again_after_its_job_is_done_runs_nothing() {
    let t = Bench::new().await;
    let job = t.job(ANY, PAYLOAD, JobOptions::default());
    let id = job.document.id.clone();
    t.queue.enqueue(&[job]).await.unwrap();
    let (ran, handler) = noting(|_| Outcome::Completed);
    process(&t, 10, BOX, handler.clone()).await;
    t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), id.as_str()]).await;

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!((report.all.processed, ran.lock().unwrap().len()), (0, 1));
}

#[tokio::test]
async fn a_document_too_large_to_be_settled_is_a_dead_letter_and_holds_up_no_other() {
    let t = Bench::new().await;
    let large = r#"return redis.call('SET', KEYS[1], ARGV[1] .. string.rep('\195\164', 5500000) .. '"}}')"#;
    let begins = r#"{"type":"send_dispute_email","payload":{"transactionId":"e","recipientEmail":"a@b","reason":"#;
    t.redis(&["EVAL", large, "1", &format!("{}job:large", t.prefix), &format!("{begins}\"")]).await;
    t.redis(&["RPUSH", &format!("{}queue:send_dispute_email", t.prefix), "large"]).await;
    let mails: Vec<_> = (0..3).map(|_| t.job(JobType::SendDisputeEmail, MAIL, JobOptions::default())).collect();
    t.queue.enqueue(&mails).await.unwrap();
    let (ran, handler) = noting(|_| Outcome::Completed);

    let report = process(&t, 10, BOX, handler).await;

    assert_eq!((report.all.completed, report.all.dead_lettered, ran.lock().unwrap().len()), (3, 1, 3));
    let document = t.document(&JobId::parse("large").unwrap()).await;
    let error = format!("job document has {} bytes, expected at most 524288", begins.len() + 11_000_004);
    assert_eq!((&document["errorKind"], &document["lastError"]), (&json!("unreadable"), &json!(error)));
    let kept = document["unreadable"].as_str().unwrap();
    assert!(kept.starts_with(begins) && (990..=1_000).contains(&kept.len()) && kept.ends_with('ä'), "{}", kept.len());
}

#[tokio::test]
async fn texts_that_grow_beyond_one_request_when_they_are_buried_are_buried_in_several() {
    let t = Bench::new().await;
    let zeroes = "return redis.call('SET', KEYS[1], string.rep('\0', 60000))";
    for n in 0..35 {
        t.redis(&["EVAL", zeroes, "1", &format!("{}job:bad-{n}", t.prefix)]).await;
        t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), &format!("bad-{n}")]).await;
    }
    t.enqueue_many(2).await;
    let (_, handler) = noting(|_| Outcome::Completed);

    let report = process(&t, 250, BOX, handler).await;

    assert_eq!((report.all.completed, report.all.dead_lettered), (2, 35));
    assert_eq!(t.at("queue:in_flight").await, json!({"audit_log_created": "0"}));
}

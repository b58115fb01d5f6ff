//! `redrive`, `discard` and `edit`: what each leaves behind, and that of two who ask at once one wins.

use std::time::Duration;

use devkit::rest::Fault;
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobOptions, JobStatus, NewJob};
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{
    Change, Changed, EditError, Enqueued, LetterFilter, LetterOrder, LetterRange, Treatment, Verdict,
};
use serde_json::json;
use serde_json::value::RawValue;

use crate::bench::{ANY, Bench, LEASE, PAYLOAD, START, dedupe, failure};

const LOST: [Fault; 3] = [Fault::ReplyLost, Fault::ReplyCut, Fault::StatusAfter(502)];

fn record(t: &Bench) -> NewJob {
    t.job(ANY, r#"{"eventData":{"event":"test"}}"#, JobOptions::default())
}

async fn redrive(t: &Bench, ids: &[JobId]) -> Vec<Changed> {
    t.queue.redrive(&t.letters(ids).await, &Change::default()).await.unwrap()
}

fn payload(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[tokio::test]
async fn a_redriven_job_is_ready_for_good_with_fresh_attempts_and_its_history() {
    let t = Bench::new().await;
    let ids = t.bury(1, FailureKind::Rejected).await;

    assert_eq!(redrive(&t, &ids).await, [Changed::Done]);

    let mut structures = t.state().await;
    structures.retain(|key, _| key.starts_with("queue:"));
    let expected = json!({"queue:audit_log_created": ids, "queue:in_flight": {"audit_log_created": "0"}});
    assert_eq!(json!(structures), expected);
    assert_eq!(t.ttl(&format!("job:{}", ids[0])).await, -1);
    let document = t.document(&ids[0]).await;
    assert_eq!((&document["status"], &document["attemptCount"]), (&json!("pending"), &json!(0)));
    let life =
        json!({"diedAt": START, "attemptCount": 1, "lastError": "the other side said no", "errorKind": "rejected"});
    assert_eq!(document["history"], json!([life]));
    assert_eq!(t.at("stats:counters").await["audit_log_created:redriven"], "1");
    assert_eq!(t.claim_one().await.attempt, 1);
}

#[tokio::test]
async fn a_redrive_asked_for_again_runs_the_job_once() {
    let t = Bench::new().await;
    let ids = t.bury(2, FailureKind::Rejected).await;
    let letters = t.letters(&ids).await;
    t.queue.redrive(&letters, &Change::default()).await.unwrap();

    // As long as it was not touched the same call answers as the first time; afterwards it finds no dead letter.
    assert_eq!(t.queue.redrive(&letters, &Change::default()).await.unwrap(), [Changed::Done; 2]);
    for job in t.claim(10).await.jobs {
        t.settle(&job, Verdict::Complete).await;
    }
    let before = t.state().await;

    assert_eq!(t.queue.redrive(&letters, &Change::default()).await.unwrap(), [Changed::NotDead; 2]);

    assert_eq!(t.state().await, before);
    assert!(t.claim(10).await.jobs.is_empty());
}

#[tokio::test]
async fn a_change_on_record_repeated_after_its_jobs_went_on_answers_as_the_first_time() {
    for whole in [true, false] {
        let t = Bench::new().await;
        let ids = t.bury(2, FailureKind::Rejected).await;
        let letters = t.letters(&ids).await;
        let change = Change { whole, record: Some(record(&t)) };
        assert_eq!(t.queue.redrive(&letters, &change).await.unwrap(), [Changed::Done; 2]);
        for job in t.claim(2).await.jobs {
            t.settle(&job, Verdict::Complete).await;
        }
        let before = t.state().await;

        assert_eq!(t.queue.redrive(&letters, &change).await.unwrap(), [Changed::Done; 2], "whole: {whole}");

        assert_eq!(t.state().await, before);
    }
    let t = Bench::new().await;
    let ids = t.bury(1, FailureKind::Rejected).await;
    let (letter, record) = (t.letters(&ids).await.remove(0), record(&t));
    let edit = async || t.queue.edit(&letter, payload(PAYLOAD), Some(&record)).await.unwrap();
    assert_eq!(edit().await, Changed::Done);
    redrive(&t, &ids).await;
    let before = t.state().await;

    assert_eq!(edit().await, Changed::Done);

    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn of_two_operators_at_once_one_brings_the_job_back() {
    for _ in 0..20 {
        let t = Bench::new().await;
        let ids = t.bury(1, FailureKind::Rejected).await;
        let letters = t.letters(&ids).await;
        let change = Change::default();

        let (redriven, discarded) =
            tokio::join!(t.queue.redrive(&letters, &change), t.queue.discard(&letters, &change));

        let won = [redriven.unwrap()[0], discarded.unwrap()[0]].iter().filter(|word| **word == Changed::Done).count();
        let runs = t.claim(10).await.jobs.len();
        assert_eq!((won, runs), (1, usize::from(t.document(&ids[0]).await["status"] == "pending")));
    }
}

#[tokio::test]
async fn where_one_of_a_whole_is_not_dead_nothing_is_changed() {
    let t = Bench::new().await;
    let ids = t.bury(2, FailureKind::Rejected).await;
    let letters = t.letters(&ids).await;
    redrive(&t, &ids[..1]).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Complete).await;
    let before = t.state().await;
    let whole = Change { whole: true, record: Some(record(&t)) };

    assert_eq!(t.queue.redrive(&letters, &whole).await.unwrap(), [Changed::NotDead, Changed::Untouched]);
    assert_eq!(t.queue.discard(&letters, &whole).await.unwrap(), [Changed::NotDead, Changed::Untouched]);

    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn one_whose_document_changed_since_it_was_read_is_left_alone() {
    let t = Bench::new().await;
    let ids = t.bury(1, FailureKind::Rejected).await;
    let stale = t.letters(&ids).await;
    t.queue.edit(&stale[0], payload(r#"{"eventData":{"n":2}}"#), None).await.unwrap();

    assert_eq!(t.queue.redrive(&stale, &Change::default()).await.unwrap(), [Changed::Meanwhile]);
    assert_eq!(t.queue.discard(&stale, &Change::default()).await.unwrap(), [Changed::Meanwhile]);

    assert_eq!(t.document(&ids[0]).await["status"], "dead_letter");
}

#[tokio::test]
async fn a_dead_letter_that_a_claim_holds_is_not_brought_back_beside_it() {
    let t = Bench::new().await;
    let ids = t.bury(1, FailureKind::Rejected).await;
    t.redis(&["RPUSH", &format!("{}queue:{ANY}", t.prefix), ids[0].as_str()]).await;
    let held = t.claim_one().await;

    assert_eq!(redrive(&t, &ids).await, [Changed::Processing]);
    t.settle(&held, Verdict::Forget).await;
    assert_eq!(redrive(&t, &ids).await, [Changed::Done]);

    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

#[tokio::test]
async fn a_discarded_job_never_runs_and_its_dedupe_key_is_free() {
    let t = Bench::new().await;
    let id = t.enqueue(dedupe("k")).await.id().clone();
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;
    let letters = t.letters(std::slice::from_ref(&id)).await;

    assert_eq!(t.queue.discard(&letters, &Change::default()).await.unwrap(), [Changed::Done]);

    let document = t.queue.status(&id).await.unwrap().unwrap().document;
    assert_eq!(
        (document.status, document.last_error.unwrap().message.as_str()),
        (JobStatus::Cancelled, "the other side said no")
    );
    assert!((86_390_000..=86_400_000).contains(&t.ttl(&format!("job:{id}")).await));
    assert_eq!((t.at("queue:dead_letter").await, t.at("queue:timers").await), (json!(null), json!(null)));
    assert!(matches!(t.enqueue(dedupe("k")).await, Enqueued::New(_)));
}

#[tokio::test]
async fn an_edited_dead_letter_stays_dead_and_runs_with_the_new_payload_once_redriven() {
    let t = Bench::new().await;
    let ids = t.bury(1, FailureKind::Unreadable).await;
    let letter = t.letters(&ids).await.remove(0);
    let before = (t.at("queue:dead_letter").await, t.at("queue:timers").await);

    assert!(matches!(t.queue.edit(&letter, payload("{}"), None).await, Err(EditError::Payload(_))));
    let new = r#"{"eventData":{"n":2}}"#;
    assert_eq!(t.queue.edit(&letter, payload(new), Some(&record(&t))).await.unwrap(), Changed::Done);

    assert_eq!((t.at("queue:dead_letter").await, t.at("queue:timers").await), before);
    assert!(t.ttl(&format!("job:{}", ids[0])).await > 604_700_000);
    redrive(&t, &ids).await;
    let jobs = t.claim(10).await.jobs;
    assert_eq!(jobs[1].document.as_ref().unwrap().payload.get(), new);
}

#[tokio::test]
async fn what_expired_is_not_brought_back() {
    let t = Bench::new().await;
    let ids = t.bury(1, FailureKind::Rejected).await;
    let letters = t.letters(&ids).await;
    t.advance(Duration::from_hours(7 * 24));
    t.claim(1).await;

    assert_eq!(t.queue.redrive(&letters, &Change::default()).await.unwrap(), [Changed::NotDead]);

    assert_eq!(t.at("stats:counters").await["dead_letter:expired"], "1");
}

#[tokio::test]
async fn each_change_repeated_after_a_lost_answer_is_made_and_recorded_once() {
    for name in ["redrive", "discard", "edit"] {
        let run = async |fault: Option<Fault>| {
            let t = Bench::new().await;
            let ids = t.bury(2, FailureKind::Rejected).await;
            let letters = t.letters(&ids).await;
            let change = Change { whole: true, record: Some(record(&t)) };
            if let Some(fault) = fault {
                // The first call makes the script known; only then does the fault meet the call itself.
                let warm = t.bury(1, FailureKind::Rejected).await;
                act(&t, name, &t.letters(&warm).await, &Change::default()).await;
                t.fault(fault);
            }
            assert_eq!(act(&t, name, &letters, &change).await, Changed::Done, "{name} {fault:?}");
            let mut seen: Vec<_> = Vec::new();
            for id in &ids {
                seen.push(t.document(id).await["status"].clone());
            }
            let queued = t.at(&format!("queue:{ANY}")).await;
            let record = change.record.unwrap().document.id;
            let times = |id: &JobId| queued.as_array().unwrap().iter().filter(|queued| **queued == id.as_str()).count();
            assert_eq!(times(&record), 1, "{name} {fault:?}");
            (seen, ids.iter().map(times).collect::<Vec<_>>())
        };
        let expected = run(None).await;
        for fault in LOST {
            assert_eq!(run(Some(fault)).await, expected, "{name} {fault:?}");
        }
    }
}

async fn act(t: &Bench, name: &str, letters: &[holdfast::queue::DeadLetter], change: &Change) -> Changed {
    match name {
        "redrive" => t.queue.redrive(letters, change).await.unwrap()[0],
        "discard" => t.queue.discard(letters, change).await.unwrap()[0],
        _ => t.queue.edit(&letters[0], payload(PAYLOAD), change.record.as_ref()).await.unwrap(),
    }
}

#[tokio::test]
async fn a_job_that_dies_again_remembers_both_lives() {
    let t = Bench::new().await;
    let ids = t.bury(1, FailureKind::Rejected).await;
    for _ in 0..2 {
        redrive(&t, &ids).await;
        let job = t.claim_one().await;
        t.settle(&job, Verdict::Retry { failure: failure(FailureKind::Timeout), at: t.clock.now().plus(LEASE) }).await;
        t.advance(LEASE);
        let job = t.claim_one().await;
        t.settle(&job, Verdict::Bury(failure(FailureKind::Timeout))).await;
    }

    let document = t.document(&ids[0]).await;

    let attempts: Vec<_> =
        document["history"].as_array().unwrap().iter().map(|life| life["attemptCount"].clone()).collect();
    assert_eq!((json!(attempts), &document["attemptCount"]), (json!([1, 2]), &json!(2)));
}

/// Stores dead letters of another producer's, with payloads of so many bytes, which die in their order.
async fn dead_letters_of(t: &Bench, sizes: &[usize]) -> Vec<JobId> {
    let mut ids = Vec::new();
    for (n, size) in sizes.iter().enumerate() {
        let payload = json!({"eventData": {"text": "x".repeat(*size)}});
        let document = json!({"type": ANY, "payload": payload, "status": "dead_letter"}).to_string();
        let id = JobId::parse(format!("large-{n:02}")).unwrap();
        t.redis(&["SET", &format!("{}job:{id}", t.prefix), &document]).await;
        t.redis(&["ZADD", &format!("{}queue:dead_letter", t.prefix), &n.to_string(), id.as_str()]).await;
        ids.push(id);
    }
    ids
}

/// What together is just within one change, and a large one after it.
fn many_and_a_large_one() -> Vec<usize> {
    let mut sizes = vec![69_000; 30];
    sizes.push(400_000);
    sizes
}

#[tokio::test]
async fn a_walk_goes_past_a_large_dead_letter() {
    for treatment in [Treatment::Redrive, Treatment::Discard] {
        let t = Bench::new().await;
        dead_letters_of(&t, &many_and_a_large_one()).await;
        let mut range = LetterRange { order: LetterOrder::Oldest, ..LetterRange::default() };
        let mut done = Vec::new();
        loop {
            let step =
                t.queue.treat_page(treatment, LetterFilter::default(), &range, 100, &t.recorder()).await.unwrap();
            done.push(step.done);
            if !step.more {
                break;
            }
            range.after = step.last;
        }
        assert_eq!(done, [30, 1], "{treatment:?}");
        assert_eq!(t.at("queue:dead_letter").await, json!(null));
    }
}

#[tokio::test]
async fn recovery_goes_past_a_large_dead_letter() {
    let t = Bench::new().await;
    let ids = dead_letters_of(&t, &many_and_a_large_one()).await;

    let recovered = t.queue.recover(&ids, START).await.unwrap();

    assert_eq!(recovered.back[&ANY], 31);
}

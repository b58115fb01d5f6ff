//! Addresses that are to be forgotten; the command line's tests have what an operator sees of it.

use bytes::Bytes;
use devkit::redis::{RedisOptions, RedisServer};
use devkit::rest::Fault;
use holdfast::domain::email_address::{EmailAddress, FORGOTTEN};
use holdfast::domain::escrow::{Effect, Payment, PaymentSeen};
use holdfast::domain::job::{Due, JobOptions, JobType};
use holdfast::domain::outcome::Outcome;
use holdfast::escrow::{Answer, Event};
use holdfast::http::{ApiError, Request};
use holdfast::privacy::{Holder, Privacy};
use holdfast::queue::Verdict;
use serde_json::value::RawValue;

use crate::bench::Bench;
use crate::escrow_bench::Shop;
use crate::workers_bench::WorkersBench;

const MAIL: &str = r#"{"transactionId":"e","recipientEmail":"jane@shop.test"}"#;

fn jane() -> EmailAddress {
    EmailAddress::parse("jane@shop.test").unwrap()
}

fn privacy(t: &Bench) -> Privacy {
    t.app_with(&[]).privacy().unwrap()
}

/// Forgets in the whole store, with a fault at the call that blanks.
async fn forget(t: &Bench, fault: Option<Fault>) -> (Vec<Holder>, Vec<Holder>) {
    let (mut blanked, mut left, mut cursor) = (Vec::new(), Vec::new(), None);
    if let Some(fault) = fault {
        t.rest.faults().next_matching(FORGOTTEN, fault);
    }
    loop {
        let stretch = privacy(t).forget(&jane(), cursor.as_deref(), true).await.unwrap();
        blanked.extend(stretch.blanked);
        left.extend(stretch.left);
        cursor = stretch.next;
        if cursor.is_none() {
            return (blanked, left);
        }
    }
}

#[tokio::test]
async fn a_job_that_changes_between_look_and_blank_is_left_for_a_later_run() {
    let t = Bench::new().await;
    let job = t.job(JobType::SendReleaseEmail, MAIL, JobOptions::default());
    t.queue.enqueue(&[job]).await.unwrap();
    assert_eq!(forget(&t, None).await, (vec![], vec![Holder::Job]));

    let claimed = t.claim_one().await;
    t.settle(&claimed, Verdict::Complete).await;

    assert_eq!(forget(&t, None).await, (vec![Holder::Job], vec![]));
    let document = t.document(&claimed.id).await;
    assert_eq!((&document["payload"]["recipientEmail"], &document["status"]), (&FORGOTTEN.into(), &"completed".into()));
    assert!(t.ttl(&format!("job:{}", claimed.id)).await > 86_000_000);
    assert_eq!(forget(&t, None).await, (vec![], vec![]));
}

#[tokio::test]
async fn an_address_that_json_writes_with_escapes_is_found() {
    let t = Bench::new().await;
    for to in [r"jane\u0040shop.test", r"JANE\u0040shop\u002etest", r"bob\u0040shop.test"] {
        let payload = MAIL.replace("jane@shop.test", to);
        t.queue.enqueue(&[t.job(JobType::SendReleaseEmail, &payload, JobOptions::default())]).await.unwrap();
        let claimed = t.claim_one().await;
        t.settle(&claimed, Verdict::Complete).await;
    }

    assert_eq!(forget(&t, None).await, (vec![Holder::Job, Holder::Job], vec![]));

    let state = t.state().await;
    let jobs = state.iter().filter(|(key, _)| key.starts_with("job:")).map(|(_, job)| job.as_str().unwrap());
    assert_eq!(jobs.filter(|job| job.contains(FORGOTTEN)).count(), 2);
    assert_eq!(forget(&t, None).await, (vec![], vec![]));
}

#[tokio::test]
async fn an_address_is_forgotten_past_a_large_document() {
    let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
    let t = Bench::before_own(&redis).await;
    let set = async |key: &str, size: usize| {
        let (mail, filling) = (MAIL.replace('}', r#","note":"#), "x".repeat(size));
        let document = format!(r#"{{"type":"send_release_email","payload":{mail}"{filling}"}},"status":"completed"}}"#);
        t.redis(&["SET", key, &document]).await;
    };
    for n in 0..30 {
        set(&format!("{}job:mail-{n}", t.prefix), 69_000).await;
    }
    // The last that a walk meets. Twice its length fits into a request, but not with all that come before it.
    let order = t.redis(&["SCAN", "0", "COUNT", "100"]).await;
    assert_eq!(order[0], "0");
    set(order[1][29].as_str().unwrap(), 4_500_000).await;

    assert_eq!(forget(&t, None).await, (vec![Holder::Job; 30], vec![]));
}

#[tokio::test]
async fn an_address_that_was_forgotten_gets_no_mail() {
    let t = WorkersBench::new().await;
    let payload = MAIL.replace("jane@shop.test", FORGOTTEN);
    assert_eq!(t.run("job-1", JobType::SendReleaseEmail, &payload).await, Outcome::Completed);
    assert!(t.outbox.calls().is_empty());
}

#[tokio::test]
async fn the_audit_log_of_an_escrows_life_names_no_address() {
    let t = Shop::new().await;
    t.released().await;
    let state = t.bench.state().await;
    for id in state["queue:audit_log_created"].as_array().unwrap() {
        let job = &state[&format!("job:{}", id.as_str().unwrap())];
        assert!(!job.as_str().unwrap().contains('@'), "{job}");
    }
}

#[tokio::test]
async fn blanking_repeated_after_a_lost_answer_is_done_once_and_says_so() {
    let run = async |fault: Option<Fault>| {
        let t = Bench::new().await;
        // Twice, so that Redis knows the scripts before the fault.
        let mut done = (vec![], vec![]);
        for fault in [None, fault] {
            let job = t.job(JobType::SendReleaseEmail, MAIL, JobOptions::default());
            t.queue.enqueue(&[job]).await.unwrap();
            let claimed = t.claim_one().await;
            t.settle(&claimed, Verdict::Complete).await;
            done = forget(&t, fault).await;
        }
        assert_eq!(t.rest.faults().fired(), u64::from(fault.is_some()));
        (done, t.state().await)
    };
    let expected = run(None).await;
    assert_eq!(expected.0, (vec![Holder::Job], vec![]));
    for fault in [Fault::ReplyLost, Fault::ReplyCut, Fault::StatusAfter(502)] {
        assert_eq!(run(Some(fault)).await, expected, "{fault:?}");
    }
}

#[test]
fn debug_output_of_what_is_passed_around_holds_no_address_and_no_secret() {
    let json = r#"{"receipt_email":"jane@shop.test","clientSecret":"pi_1_secret_x"}"#;
    let request =
        http::Request::post("/api/escrow/create?email=jane@shop.test").header("authorization", "pi_1_secret_x");
    let request = Request::new(request.body(()).unwrap().into_parts().0, Bytes::from_static(json.as_bytes()));
    let answer = Answer { status: 201, body: json.to_owned() };
    let payment: Payment = serde_json::from_str(json).unwrap();
    let told = PaymentSeen { client_secret: payment.client_secret.clone(), ..PaymentSeen::default() };
    let event = format!(r#"{{"id":"evt_1","type":"charge.refunded","data":{{"object":{json}}}}}"#);
    let event: Event = serde_json::from_str(&event).unwrap();
    let effect = Effect {
        job_type: JobType::SendRefundEmail,
        payload: RawValue::from_string(json.to_owned()).unwrap(),
        dedupe_key: None,
        max_attempts: None,
        due: Due::Now,
    };
    let problem = ApiError::invalid("payment_declined", "the bank declined").with("clientSecret", "pi_1_secret_x");

    let output = format!("{request:?} {answer:?} {payment:?} {told:?} {event:?} {effect:?} {problem:?}");

    assert!(payment.client_secret.is_some());
    assert!(!output.contains("jane") && !output.contains("secret_x"), "{output}");
    for name in ["/api/escrow/create", "201", "evt_1", "SendRefundEmail", "payment_declined"] {
        assert!(output.contains(name), "no {name} in {output}");
    }
}

//! Addresses that are to be forgotten; the command line's tests have what an operator sees of it.

use devkit::rest::Fault;
use holdfast::domain::email_address::{EmailAddress, FORGOTTEN};
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::Outcome;
use holdfast::privacy::{Holder, Privacy};
use holdfast::queue::Verdict;

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

//! Payloads that the store holds sealed: whoever may run or see a job has them in plain, and nobody who reads the store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast::config::PAYLOAD_KEYS;
use holdfast::deliveries::AddressHash;
use holdfast::domain::email_address::{EmailAddress, FORGOTTEN};
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::{FailureKind, Outcome};
use holdfast::domain::sealed::PayloadKeys;
use holdfast::processor::{BatchReport, BatchRequest, Processor, TimeBox};
use holdfast::queue::{Queue, Treatment, Verdict};
use serde_json::json;
use serde_json::value::RawValue;

use crate::bench::{Bench, failure};
use crate::site::{TOKEN, call};

const ONE: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const TWO: &str = "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";
const JANE: &str = "jane@shop.test";
const MAIL: &str = r#"{"transactionId":"e","recipientEmail":"jane@shop.test","amount":5,"currency":"usd"}"#;

fn sealed_by(t: &Bench, keys: &str) -> Queue {
    t.queue.clone().sealed_by(Some(PayloadKeys::parse(keys).unwrap()))
}

async fn enqueue(t: &Bench, queue: &Queue) -> JobId {
    let job = t.job(JobType::SendReleaseEmail, MAIL, JobOptions::default());
    queue.enqueue(&[job]).await.unwrap().remove(0).id().clone()
}

/// Runs what is due, and returns the recipients that the handler was given.
async fn process(t: &Bench, queue: &Queue, outcome: Outcome) -> (BatchReport, Vec<String>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let time_box = TimeBox::of(Duration::from_secs(50));
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 10, time_box, until_empty: true };
    let processor = Processor::new(queue.clone(), t.dice.clone());
    let report = processor.process_batch(&request, move |_, _, payload| {
        let to: Vec<String> = payload.recipients().iter().map(|to| to.expose().to_owned()).collect();
        into.lock().unwrap().extend(to);
        let outcome = outcome.clone();
        async move { outcome }
    });
    let report = report.await.unwrap();
    let seen = seen.lock().unwrap().clone();
    (report, seen)
}

async fn store_names_jane(t: &Bench) -> bool {
    t.state().await.values().any(|value| value.to_string().contains("jane"))
}

#[tokio::test]
async fn the_store_never_holds_the_payload_and_the_handler_gets_it() {
    let t = Bench::new().await;
    let queue = sealed_by(&t, ONE);
    let id = enqueue(&t, &queue).await;
    assert!(!store_names_jane(&t).await);

    let failed = Outcome::Failed(failure(FailureKind::Timeout));
    assert_eq!(process(&t, &queue, failed).await.1, [JANE]);
    assert!(!store_names_jane(&t).await);
    t.advance(Duration::from_secs(10));
    assert_eq!(process(&t, &queue, Outcome::Completed).await.1, [JANE]);

    assert!(!store_names_jane(&t).await);
    let document = t.document(&id).await;
    assert_eq!((&document["status"], &document["payload"]["key"]), (&json!("completed"), &json!("k1")));
}

#[tokio::test]
async fn a_dead_letter_is_seen_mended_and_brought_back_in_plain_and_stays_sealed() {
    let t = Bench::new().await;
    let queue = sealed_by(&t, ONE);
    let id = enqueue(&t, &queue).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;
    let letter = queue.dead_letters_of(std::slice::from_ref(&id)).await.unwrap().remove(0).unwrap();
    assert_eq!(letter.document.payload.get(), MAIL);

    let mended = RawValue::from_string(MAIL.replace(JANE, "janet@shop.test")).unwrap();
    let recorder = t.recorder();
    queue.edit_payload(&id, &mended, &recorder).await.unwrap();
    queue.treat(Treatment::Redrive, std::slice::from_ref(&id), &recorder).await.unwrap();

    assert!(!store_names_jane(&t).await);
    assert_eq!(process(&t, &queue, Outcome::Completed).await.1, ["janet@shop.test"]);
}

#[tokio::test]
async fn a_new_key_takes_over_while_what_the_old_one_sealed_still_runs() {
    let t = Bench::new().await;
    enqueue(&t, &sealed_by(&t, ONE)).await;
    let rotated = sealed_by(&t, &format!("{TWO} {ONE}"));
    let id = enqueue(&t, &rotated).await;
    assert_eq!(t.document(&id).await["payload"]["key"], "k2");

    assert_eq!(process(&t, &rotated, Outcome::Completed).await.1, [JANE, JANE]);
}

#[tokio::test]
async fn a_job_whose_key_is_not_here_is_left_for_who_has_it_at_no_cost() {
    let t = Bench::new().await;
    let id = enqueue(&t, &sealed_by(&t, ONE)).await;
    for queue in [t.queue.clone(), sealed_by(&t, TWO)] {
        let (report, seen) = process(&t, &queue, Outcome::Completed).await;
        assert_eq!((report.all.processed, report.all.released, seen.len()), (0, 1, 0));
        t.advance(Duration::from_mins(2));
    }
    let queue = sealed_by(&t, ONE);
    let view = queue.status(&id).await.unwrap().unwrap();
    assert_eq!(view.document.attempt_count, 0);
    assert_eq!(process(&t, &queue, Outcome::Completed).await.1, [JANE]);
}

#[tokio::test]
async fn a_payload_that_was_tampered_with_is_buried_and_says_so() {
    let t = Bench::new().await;
    let queue = sealed_by(&t, ONE);
    let (id, other) = (enqueue(&t, &queue).await, enqueue(&t, &queue).await);
    // The payload of another job: well sealed, and not for this one.
    let key = |id: &JobId| format!("{}job:{id}", t.prefix);
    let stolen = t.redis(&["GET", &key(&other)]).await.as_str().unwrap().replace(other.as_str(), id.as_str());
    t.redis(&["SET", &key(&id), &stolen]).await;

    let (report, given) = process(&t, &queue, Outcome::Completed).await;

    assert_eq!((report.all.dead_lettered, report.all.completed, given.len()), (1, 1, 1));
    let document = t.document(&id).await;
    assert_eq!((&document["status"], &document["errorKind"]), (&json!("dead_letter"), &json!("unreadable")));
    assert!(document["lastError"].as_str().unwrap().contains("sealed under the key"), "{document}");
}

#[tokio::test]
async fn what_is_sealed_is_found_by_its_address_and_forgotten_once_it_is_done() {
    let t = Bench::new().await;
    let queue = sealed_by(&t, ONE);
    let id = enqueue(&t, &queue).await;
    let app = t.app_with(&[("PAYLOAD_KEYS", ONE)]);
    let jane = EmailAddress::parse(JANE).unwrap();
    let found = async || {
        let (deliveries, mut at, mut jobs) = (app.deliveries().unwrap(), Some(0), Vec::new());
        while let Some(from) = at {
            let stretch = deliveries.find(&AddressHash::of(&jane), from).await.unwrap();
            jobs.extend(stretch.jobs);
            at = stretch.next;
        }
        jobs
    };
    let forget = async || {
        let (privacy, mut cursor, mut done) = (app.privacy().unwrap(), None, (0, 0));
        loop {
            let stretch = privacy.forget(&jane, cursor.as_deref(), true).await.unwrap();
            done = (done.0 + stretch.blanked.len(), done.1 + stretch.left.len());
            cursor = stretch.next;
            if cursor.is_none() {
                return done;
            }
        }
    };
    assert_eq!((found().await, forget().await), (vec![id.clone()], (0, 1)));

    process(&t, &queue, Outcome::Completed).await;

    assert_eq!(forget().await, (1, 0));
    assert_eq!((found().await, forget().await), (vec![], (0, 0)));
    let view = queue.status(&id).await.unwrap().unwrap();
    let stored = t.redis(&["GET", &format!("{}job:{id}", t.prefix)]).await.to_string();
    assert!(view.document.payload.get().contains(FORGOTTEN) && stored.contains("$sealed"));
}

#[tokio::test]
async fn what_another_producer_wrote_in_plain_runs_as_it_is() {
    let t = Bench::new().await;
    enqueue(&t, &t.queue).await;
    assert_eq!(process(&t, &sealed_by(&t, ONE), Outcome::Completed).await.1, [JANE]);
}

#[tokio::test]
async fn operators_see_it_and_keys_of_no_form_write_nothing() {
    let t = Bench::new().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let body = format!(r#"{{"type":"send_release_email","payload":{MAIL}}}"#);
    let malformed =
        call(&t.app_with(&[(PAYLOAD_KEYS, "k1:short")]), "POST", "/api/jobs/enqueue", &headers, &body).await;
    assert_eq!(malformed.problem(), (503, "not_configured"));
    assert!(t.state().await.is_empty());

    let app = t.app_with(&[(PAYLOAD_KEYS, ONE)]);
    let made = call(&app, "POST", "/api/jobs/enqueue", &headers, &body).await;
    let path = format!("/api/jobs/{}", made.body["jobId"].as_str().unwrap());
    assert!(!store_names_jane(&t).await);
    assert_eq!(call(&app, "GET", &path, &headers, "").await.body["payload"]["recipientEmail"], JANE);
    assert_eq!(t.get(&path, TOKEN).await.body["payload"]["key"], "k1");

    // A caller cannot pass off a sealed payload as one of its own.
    let forged = r#"{"type":"send_release_email","payload":{"$sealed":1,"key":"k1","data":"AAAA"}}"#;
    assert_eq!(call(&app, "POST", "/api/jobs/enqueue", &headers, forged).await.status, 422);
}

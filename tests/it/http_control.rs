//! `/api/jobs/control` as operators meet it.

use std::time::Duration;

use devkit::rest::Fault;
use holdfast::domain::job::JobOptions;
use serde_json::{Value, json};

use crate::bench::{Bench, delayed};
use crate::site::TOKEN;

const PATH: &str = "/api/jobs/control";

fn of_type(body: &Value) -> &Value {
    &body["types"]["send_refund_email"]
}

#[tokio::test]
async fn what_is_set_is_shown_and_taken_back() {
    let t = Bench::new().await;
    let nothing = t.get(PATH, TOKEN).await.body;
    for (body, name, value) in [
        (r#"{"action":"pause","type":"send_refund_email"}"#, "paused", json!(true)),
        (
            r#"{"action":"limit-rate","type":"send_refund_email","jobs":10,"periodMs":1000}"#,
            "rate",
            json!({"jobs": 10, "periodMs": 1000}),
        ),
        (r#"{"action":"limit-concurrency","type":"send_refund_email","jobs":3}"#, "concurrency", json!(3)),
        (r#"{"action":"recovery-off","type":"send_refund_email"}"#, "recovery", json!(false)),
        (r#"{"action":"resume","type":"send_refund_email"}"#, "paused", json!(false)),
        (r#"{"action":"pause","all":true}"#, "paused", json!(true)),
        (r#"{"action":"resume","all":true}"#, "paused", json!(false)),
        (r#"{"action":"unlimit","type":"send_refund_email"}"#, "rate", json!(null)),
        (r#"{"action":"recovery-on","type":"send_refund_email"}"#, "recovery", json!(true)),
        (r#"{"action":"reset-recovery","type":"send_refund_email"}"#, "diedAgain", json!(0)),
    ] {
        let answer = t.post(PATH, TOKEN, body).await;
        assert_eq!((answer.status, &of_type(&answer.body)[name]), (200, &value), "{body}");
    }
    assert_eq!(t.get(PATH, TOKEN).await.body, nothing);
}

#[tokio::test]
async fn each_change_is_on_record_once_even_where_its_answer_was_lost() {
    let t = Bench::new().await;
    t.post(PATH, TOKEN, r#"{"action":"pause","all":true}"#).await;
    t.fault(Fault::ReplyLost);

    t.post(PATH, TOKEN, r#"{"action":"resume","all":true}"#).await;

    let records = t.claim(10).await.jobs;
    let about = |n: usize| serde_json::from_str::<Value>(records[n].document.as_ref().unwrap().payload.get()).unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!(about(0)["eventData"]["action"], "control_changed");
    assert_eq!(about(0)["eventData"]["actor"], json!({"kind": "operator", "id": "api"}));
    assert_eq!(about(1)["eventData"]["before"], json!({"pause:*": "1"}));
    assert_eq!(about(1)["eventData"]["after"], json!({"pause:*": null}));
}

#[tokio::test]
async fn delayed_jobs_are_listed_page_by_page() {
    let t = Bench::new().await;
    let mut expected = Vec::new();
    for seconds in 1..=3 {
        expected.push(t.enqueue(delayed(Duration::from_secs(seconds))).await.id().to_string());
    }
    let first = t.get(&format!("{PATH}?list=delayed&limit=2"), TOKEN).await.body;
    let cursor = first["cursor"].as_str().unwrap();
    let second = t.get(&format!("{PATH}?list=delayed&limit=2&cursor={cursor}"), TOKEN).await.body;
    let listed: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["delayed"].as_array().unwrap())
        .map(|job| job["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((listed, &second["cursor"]), (expected, &Value::Null));
    assert_eq!(first["delayed"][0]["due"], 1_800_000_001_000_i64);
}

#[tokio::test]
async fn a_jobs_attempts_are_changed_and_the_job_is_shown() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let body = json!({"action": "set-max-attempts", "id": id, "maxAttempts": 9}).to_string();

    let answer = t.post(PATH, TOKEN, &body).await;

    assert_eq!((answer.status, &answer.body["maxAttempts"]), (200, &json!(9)));
    let unknown = r#"{"action":"set-max-attempts","id":"job-none","maxAttempts":9}"#;
    assert_eq!(t.post(PATH, TOKEN, unknown).await.problem(), (404, "unknown_job"));
}

#[tokio::test]
async fn bad_input_is_refused_with_what_was_expected_and_nothing_is_changed() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let before = t.state().await;
    for (body, code) in [
        ("{}", "missing_field"),
        (r#"{"action":"stop"}"#, "unknown_action"),
        (r#"{"action":"pause"}"#, "invalid_field"),
        (r#"{"action":"pause","all":false}"#, "invalid_field"),
        (r#"{"action":"pause","all":true,"type":"send_refund_email"}"#, "invalid_field"),
        (r#"{"action":"pause","type":"x"}"#, "unknown_type"),
        (r#"{"action":"limit-rate","type":"x","jobs":1,"periodMs":1}"#, "unknown_type"),
        (r#"{"action":"limit-rate","type":"send_refund_email","jobs":0,"periodMs":1000}"#, "invalid_field"),
        (r#"{"action":"limit-rate","type":"send_refund_email","jobs":-1,"periodMs":1000}"#, "invalid_field"),
        (r#"{"action":"limit-rate","type":"send_refund_email","jobs":1,"periodMs":0}"#, "invalid_field"),
        (r#"{"action":"limit-rate","type":"send_refund_email","jobs":1.5,"periodMs":10}"#, "invalid_field"),
        (r#"{"action":"limit-rate","type":"send_refund_email","jobs":1}"#, "missing_field"),
        (r#"{"action":"limit-concurrency","type":"send_refund_email","jobs":0}"#, "invalid_field"),
        (r#"{"action":"limit-concurrency","type":"send_refund_email","jobs":-1}"#, "invalid_field"),
        (r#"{"action":"set-max-attempts","id":"job-1","maxAttempts":0}"#, "invalid_field"),
        (r#"{"action":"set-max-attempts","id":"job-1","maxAttempts":26}"#, "invalid_field"),
        (r#"{"action":"set-max-attempts","id":"a b","maxAttempts":2}"#, "invalid_id"),
        (r#"{"action":"resume","all":true,"now":true}"#, "unknown_field"),
    ] {
        assert_eq!(t.post(PATH, TOKEN, body).await.problem(), (422, code), "{body}");
    }
    for query in ["?list=all", "?list=delayed&limit=0", "?list=delayed&cursor=x", "?x=1"] {
        assert_eq!(t.get(&format!("{PATH}{query}"), TOKEN).await.problem().0, 422, "{query}");
    }
    assert_eq!(t.post(PATH, "wrong-token", r#"{"action":"pause","all":true}"#).await.problem(), (401, "wrong_token"));
    assert_eq!(t.state().await, before);
}

//! `/api/jobs/process`: operators, crons and schedules.

use bytes::Bytes;
use devkit::rest::Fault;
use holdfast::config::{CRON_SECRET, JOB_TIME_BOX_MS};
use holdfast::domain::job::JobOptions;
use holdfast::http::jobs::PROCESS;
use holdfast::http::{Request, Sender};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::site::{CRON, TOKEN, call};

const PATH: &str = "/api/jobs/process";

fn sums(report: &Value) -> (u64, u64) {
    (report["processed"].as_u64().unwrap(), report["completed"].as_u64().unwrap())
}

#[tokio::test]
async fn each_action_works_off_what_it_names() {
    let t = Bench::new().await;
    t.enqueue_many(5).await;

    let next = t.post(PATH, TOKEN, r#"{"action":"process-next","type":"audit_log_created"}"#).await;
    assert_eq!((next.status, sums(&next.body)), (200, (1, 1)));
    let other = t.post(PATH, TOKEN, r#"{"action":"process-type","type":"send_release_email"}"#).await;
    assert_eq!(sums(&other.body), (0, 0));
    let typed = t.post(PATH, TOKEN, r#"{"action":"process-type","type":"audit_log_created","limit":2}"#).await;
    assert_eq!(sums(&typed.body), (4, 4));
    t.enqueue_many(1).await;
    let batch = t.post(PATH, TOKEN, r#"{"action":"process-batch","limit":5}"#).await;
    assert_eq!(sums(&batch.body), (1, 1));
    assert_eq!(batch.body["byType"]["audit_log_created"]["completed"], 1);
}

#[tokio::test]
async fn the_crons_get_runs_a_batch_and_the_operators_shows_statistics() {
    let t = Bench::new().await;
    t.enqueue_many(2).await;
    let statistics = t.get(PATH, TOKEN).await;
    assert_eq!((&statistics.body["audit_log_created"], &statistics.body["dead_letter"]), (&json!(2), &json!(0)));
    assert_eq!(statistics.body["send_release_email"], 0);

    let bearer = format!("Bearer {CRON}");
    let headers = [("authorization", bearer.as_str()), ("user-agent", "vercel-cron/1.0")];
    let batch = call(&t.app_with(&[]), "GET", PATH, &headers, "").await;

    assert_eq!((batch.status, sums(&batch.body)), (200, (2, 2)));
    assert_eq!(t.get(PATH, TOKEN).await.body["audit_log_created"], 0);
}

#[tokio::test]
async fn vercels_schedules_post_with_the_crons_secret_runs_a_batch() {
    let t = Bench::new().await;
    t.enqueue_many(2).await;
    let bearer = format!("Bearer {CRON}");
    let headers = [("authorization", bearer.as_str()), ("ce-id", "1"), ("ce-vssschedulename", "process")];

    let batch = call(&t.app_with(&[]), "POST", PATH, &headers, "").await;

    assert_eq!((batch.status, sums(&batch.body)), (200, (2, 2)));
}

#[tokio::test]
async fn the_marks_of_a_cron_alone_open_nothing() {
    let t = Bench::new().await;
    t.enqueue_many(1).await;
    let before = t.state().await;
    for headers in [
        vec![("user-agent", "vercel-cron/1.0")],
        vec![("x-vercel-cron-schedule", "* * * * *")],
        vec![("ce-vssschedulename", "x")],
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(call(&t.app_with(&[]), method, PATH, &headers, "").await.status, 401, "{headers:?}");
            let unset = call(&t.app_with(&[(CRON_SECRET, "")]), method, PATH, &headers, "").await;
            assert_eq!(unset.problem(), (503, "not_configured"));
            assert_eq!(unset.body["detail"], "the variable CRON_SECRET is not set");
        }
    }
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn the_platforms_own_schedule_needs_no_secret() {
    let t = Bench::new().await;
    t.enqueue_many(2).await;
    let parts = http::Request::builder().method("POST").uri("/events").body(()).unwrap().into_parts().0;
    let mut request = Request::new(parts, Bytes::from_static(b"{\"source\":\"aws.scheduler\"}"));
    request.sender = Sender::Schedule;

    let response = PROCESS.call(&t.app_with(&[(CRON_SECRET, "")]), request).await;

    let report: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!((response.status().as_u16(), sums(&report)), (200, (2, 2)));
}

#[tokio::test]
async fn every_wrong_action_is_refused_with_what_was_expected_and_nothing_runs() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let before = t.state().await;
    for (body, status, code) in [
        ("", 400, "invalid_json"),
        ("[]", 422, "invalid_body"),
        ("{}", 422, "missing_field"),
        (r#"{"action":"drop-all"}"#, 422, "unknown_action"),
        (r#"{"action":7}"#, 422, "invalid_field"),
        (r#"{"action":"process-batch","limit":0}"#, 422, "invalid_field"),
        (r#"{"action":"process-batch","limit":10000000}"#, 422, "invalid_field"),
        (r#"{"action":"process-batch","limit":-1}"#, 422, "invalid_field"),
        (r#"{"action":"process-batch","limit":"5"}"#, 422, "invalid_field"),
        (r#"{"action":"process-batch","types":[]}"#, 422, "invalid_field"),
        (r#"{"action":"process-batch","types":["x"]}"#, 422, "unknown_type"),
        (r#"{"action":"process-batch","limt":5}"#, 422, "unknown_field"),
        (r#"{"action":"process-type"}"#, 422, "missing_field"),
        (r#"{"action":"process-type","type":"x"}"#, 422, "unknown_type"),
        (r#"{"action":"process-next"}"#, 422, "missing_field"),
    ] {
        assert_eq!(t.post(PATH, TOKEN, body).await.problem(), (status, code), "{body}");
    }
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn a_run_without_redis_says_so() {
    let t = Bench::new().await;
    t.rest.faults().always(Fault::Refused);

    let answer = t.post(PATH, TOKEN, r#"{"action":"process-batch"}"#).await;

    assert_eq!((answer.status, &answer.headers["retry-after"]), (503, &"5".parse().unwrap()));
}

#[tokio::test]
async fn a_malformed_time_box_is_named() {
    let t = Bench::new().await;
    let app = t.app_with(&[(JOB_TIME_BOX_MS, "soon")]);

    let answer =
        call(&app, "POST", PATH, &[("authorization", &format!("Bearer {TOKEN}"))], r#"{"action":"process-batch"}"#)
            .await;

    assert_eq!(answer.problem(), (503, "not_configured"));
    assert_eq!(
        answer.body["detail"],
        "the variable JOB_TIME_BOX_MS is not a number of milliseconds from 100 to 900000"
    );
}

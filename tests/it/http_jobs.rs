//! `/api/jobs/enqueue`, `/api/jobs/{id}` and `/api/health` as callers meet them.

use std::time::{Duration, Instant};

use devkit::rest::Fault;
use holdfast::config::{JOB_PROCESSOR_SECRET_TOKEN, KV_REST_API_URL};
use holdfast::domain::job::JobOptions;
use serde_json::json;

use crate::bench::Bench;
use crate::site::{TOKEN, call};

const ENQUEUE: &str = "/api/jobs/enqueue";
const AUDIT: &str = r#"{"type":"audit_log_created","payload":{"eventData":{"n":1}}}"#;

#[tokio::test]
async fn one_job_is_answered_with_its_id() {
    let t = Bench::new().await;

    let answer = t.post(ENQUEUE, TOKEN, AUDIT).await;

    assert_eq!(answer.status, 201);
    assert_eq!(answer.body, json!({"jobId": "job-1800000000000-000000002", "duplicate": false}));
    assert_eq!(answer.headers["x-request-id"], "req-000000000001");
}

#[tokio::test]
async fn many_jobs_are_answered_in_their_order_and_duplicates_are_said_to_be_so() {
    let t = Bench::new().await;
    let once = r#"{"type":"audit_log_created","payload":{"eventData":{}},"dedupeKey":"k"}"#;

    let answer = t.post(ENQUEUE, TOKEN, &format!("[{once},{AUDIT},{once}]")).await;

    let id = |n| format!("job-1800000000000-00000000{n}");
    let expected = json!([
        {"jobId": id(2), "duplicate": false},
        {"jobId": id(3), "duplicate": false},
        {"jobId": id(2), "duplicate": true},
    ]);
    assert_eq!((answer.status, answer.body), (201, expected));
}

#[tokio::test]
async fn all_options_of_a_job_arrive() {
    let t = Bench::new().await;
    let body =
        r#"{"type":"audit_log_created","payload":{"eventData":{}},"dedupeKey":"k","maxAttempts":7,"delayMs":5000}"#;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("traceparent", trace)];
    let queued = call(&t.app_with(&[]), "POST", ENQUEUE, &headers, body).await;

    let job = t.get(&format!("/api/jobs/{}", queued.body["jobId"].as_str().unwrap()), TOKEN).await;

    assert_eq!(
        (job.status, &job.body["status"], &job.body["runAt"]),
        (200, &json!("scheduled"), &json!(1_800_000_005_000_i64))
    );
    assert_eq!(
        (&job.body["dedupeKey"], &job.body["maxAttempts"], &job.body["traceparent"]),
        (&json!("k"), &json!(7), &json!(trace))
    );
}

#[tokio::test]
async fn every_wrong_body_is_refused_with_what_was_expected_and_nothing_is_enqueued() {
    let t = Bench::new().await;
    let job = |more: &str| format!(r#"{{"type":"audit_log_created","payload":{{"eventData":{{}}}}{more}}}"#);
    let cases = [
        (String::new(), 400, "invalid_json"),
        ("not json".into(), 400, "invalid_json"),
        ("{".into(), 400, "invalid_json"),
        ("\u{0}".into(), 400, "invalid_json"),
        ("\"text\"".into(), 422, "invalid_body"),
        ("17".into(), 422, "invalid_body"),
        ("null".into(), 422, "invalid_body"),
        ("[]".into(), 422, "invalid_count"),
        ("[1]".into(), 422, "invalid_body"),
        ("{}".into(), 422, "missing_field"),
        (r#"{"type":"audit_log_created"}"#.into(), 422, "missing_field"),
        (r#"{"type":"send_email","payload":{}}"#.into(), 422, "unknown_type"),
        (r#"{"type":7,"payload":{}}"#.into(), 422, "invalid_field"),
        (r#"{"type":"audit_log_created","payload":{}}"#.into(), 422, "invalid_job"),
        (r#"{"type":"audit_log_created","payload":"x"}"#.into(), 422, "invalid_job"),
        (
            r#"{"type":"send_release_email","payload":{"transactionId":"e","recipientEmail":"a b@c"}}"#.into(),
            422,
            "invalid_job",
        ),
        (job(r#","maxAttempts":0"#), 422, "invalid_job"),
        (job(r#","maxAttempts":26"#), 422, "invalid_job"),
        (job(r#","maxAttempts":1.5"#), 422, "invalid_field"),
        (job(r#","maxAttempts":-1"#), 422, "invalid_field"),
        (job(r#","delayMs":-5"#), 422, "invalid_field"),
        (job(r#","delayMs":"5""#), 422, "invalid_field"),
        (job(r#","delayMs":99999999999999"#), 422, "invalid_job"),
        (job(r#","delayMs":1,"runAt":1"#), 422, "invalid_field"),
        (job(r#","dedupeKey":"a b""#), 422, "invalid_field"),
        (job(r#","dedupeKey":"\u0000""#), 422, "invalid_field"),
        (job(r#","dedupeKey":"""#), 422, "invalid_field"),
        (job(r#","dedupe_key":"k""#), 422, "unknown_field"),
    ];
    for (body, status, code) in cases {
        let answer = t.post(ENQUEUE, TOKEN, &body).await;
        assert_eq!(answer.problem(), (status, code), "{body}");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    }
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn a_batch_with_one_bad_job_enqueues_none_and_names_its_index() {
    let t = Bench::new().await;

    let answer = t.post(ENQUEUE, TOKEN, &format!(r#"[{AUDIT},{AUDIT},{{"type":"x","payload":{{}}}},{AUDIT}]"#)).await;

    assert_eq!((answer.problem(), &answer.body["index"]), ((422, "unknown_type"), &json!(2)));
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_and_too_many_jobs_are_refused() {
    let t = Bench::new().await;
    let large =
        format!(r#"{{"type":"audit_log_created","payload":{{"eventData":{{"x":"{}"}}}}}}"#, "y".repeat(5_000_000));
    assert_eq!(t.post(ENQUEUE, TOKEN, &large).await.problem(), (413, "body_too_large"));
    let many = format!("[{}]", vec![AUDIT; 1_001].join(","));
    assert_eq!(t.post(ENQUEUE, TOKEN, &many).await.problem(), (422, "invalid_count"));
    let payload =
        format!(r#"{{"type":"audit_log_created","payload":{{"eventData":{{"x":"{}"}}}}}}"#, "y".repeat(70_000));
    assert_eq!(t.post(ENQUEUE, TOKEN, &payload).await.problem(), (422, "invalid_job"));
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn without_the_token_every_route_of_the_queue_is_closed() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let before = t.state().await;
    let job = format!("/api/jobs/{id}");
    for (method, path) in [
        ("POST", ENQUEUE),
        ("GET", job.as_str()),
        ("DELETE", &job),
        ("GET", "/api/jobs/process"),
        ("POST", "/api/jobs/process"),
    ] {
        let app = t.app_with(&[]);
        let missing = call(&app, method, path, &[], AUDIT).await;
        assert_eq!(missing.problem(), (401, "no_token"), "{method} {path}");
        assert_eq!(missing.headers["www-authenticate"], "Bearer");
        for wrong in ["Bearer wrong-token", "Bearer ", "Bearer undefined", "Basic test-processor-token"] {
            let answer = call(&app, method, path, &[("authorization", wrong)], AUDIT).await;
            assert_eq!(answer.status, 401, "{method} {path} {wrong}");
        }
        let unset = t.app_with(&[(JOB_PROCESSOR_SECRET_TOKEN, "")]);
        let closed = call(&unset, method, path, &[("authorization", "Bearer undefined")], AUDIT).await;
        assert_eq!(closed.problem(), (503, "not_configured"), "{method} {path}");
        assert_eq!(closed.body["detail"], "the variable JOB_PROCESSOR_SECRET_TOKEN is not set");
    }
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let t = Bench::new().await;
    let app = t.app_with(&[]);
    for (method, path, allowed) in [
        ("GET", ENQUEUE, "POST"),
        ("PUT", "/api/jobs/process", "GET, HEAD, POST"),
        ("POST", "/api/jobs/job-1", "GET, HEAD, DELETE"),
        ("POST", "/api/health", "GET, HEAD"),
        ("OPTIONS", "/api/health", "GET, HEAD"),
    ] {
        let answer = call(&app, method, path, &[], "").await;
        assert_eq!(
            (answer.problem(), &answer.headers["allow"]),
            ((405, "method_not_allowed"), &allowed.parse().unwrap()),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_job_is_shown_with_its_payload_and_an_unknown_one_is_not_found() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();

    let shown = t.get(&format!("/api/jobs/{id}"), TOKEN).await;

    assert_eq!(
        (shown.status, &shown.body["status"], &shown.body["payload"]),
        (200, &json!("pending"), &json!({"eventData": {"n": 1}}))
    );
    assert_eq!(t.get("/api/jobs/job-none", TOKEN).await.problem(), (404, "unknown_job"));
    for bad in ["/api/jobs/a%20b", "/api/jobs/%00", "/api/jobs/%7B%7D"] {
        assert_eq!(t.get(bad, TOKEN).await.problem(), (422, "invalid_id"), "{bad}");
    }
}

#[tokio::test]
async fn a_cancelled_job_is_shown_and_one_that_is_worked_on_is_not_cancelled() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let path = format!("/api/jobs/{id}");
    let bearer = format!("Bearer {TOKEN}");
    let delete = async || call(&t.app_with(&[]), "DELETE", &path, &[("authorization", &bearer)], "").await;
    let held = t.claim_one().await;
    assert_eq!(delete().await.problem(), (409, "job_processing"));
    t.settle(&held, holdfast::queue::Verdict::Release(None)).await;

    let cancelled = delete().await;

    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")));
    assert_eq!(delete().await.status, 200);
}

#[tokio::test]
async fn health_is_open_and_tells_only_the_age_of_the_oldest_due_job() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    t.advance(Duration::from_secs(90));

    let answer = call(&t.app_with(&[]), "GET", "/api/health", &[], "").await;

    assert_eq!((answer.status, answer.body), (200, json!({"status": "ok", "oldestDueAgeMs": 90_000})));
}

#[tokio::test]
async fn a_redis_that_is_down_is_a_503_within_three_seconds_that_says_when_to_come_back() {
    let t = Bench::new().await;
    for fault in [Fault::Refused, Fault::Stall, Fault::Status(502)] {
        t.rest.faults().always(fault);
        let started = Instant::now();
        let answer = t.post(ENQUEUE, TOKEN, AUDIT).await;
        assert!(started.elapsed() < Duration::from_secs(3), "{fault:?}");
        assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "5"), "{fault:?}");
        t.rest.faults().clear();
    }
    let nowhere = t.app_with(&[(KV_REST_API_URL, "http://127.0.0.1:1")]);
    let answer = call(&nowhere, "POST", ENQUEUE, &[("authorization", &format!("Bearer {TOKEN}"))], AUDIT).await;
    assert_eq!((answer.problem(), &answer.body["retry"]), ((503, "redis_unavailable"), &json!("after")));
}

#[tokio::test]
async fn an_answer_leaks_neither_key_nor_script_nor_address() {
    let t = Bench::new().await;
    t.redis(&["SET", &format!("{}queue:audit_log_created", t.prefix), "not a list"]).await;

    let answer = t.post(ENQUEUE, TOKEN, AUDIT).await;

    assert_eq!(answer.problem(), (500, "internal"));
    let text = answer.body.to_string();
    assert!(!text.contains("WRONGTYPE") && !text.contains("queue:") && !text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn an_id_in_a_path_may_be_percent_encoded_once() {
    let t = Bench::new().await;
    t.redis(&[
        "SET",
        &format!("{}job:order:17", t.prefix),
        r#"{"type":"audit_log_created","payload":{"eventData":{}}}"#,
    ])
    .await;
    for path in ["/api/jobs/order:17", "/api/jobs/order%3A17", "/api/jobs/order%3a17", "/api/jobs/%6Frder:17"] {
        let answer = t.get(path, TOKEN).await;
        assert_eq!((answer.status, &answer.body["id"]), (200, &json!("order:17")), "{path}");
    }
    for bad in ["order%253A17", "order%2F17", "order%3", "order%zz17", "order%+317", "order%FF", "order%00"] {
        assert_eq!(t.get(&format!("/api/jobs/{bad}"), TOKEN).await.problem(), (422, "invalid_id"), "{bad}");
    }
}

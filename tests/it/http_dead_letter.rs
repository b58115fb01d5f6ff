//! `/api/jobs/dead-letter` as operators meet it.

use holdfast::domain::job::JobOptions;
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::Verdict;
use serde_json::{Value, json};

use crate::bench::{Bench, failure};
use crate::site::TOKEN;

const PATH: &str = "/api/jobs/dead-letter";

fn listed(body: &Value) -> Vec<String> {
    let letters = body["deadLetters"].as_array().unwrap();
    letters.iter().map(|letter| letter["job"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_list_goes_on_at_its_cursor_to_the_end() {
    let t = Bench::new().await;
    let dead = t.bury(5, FailureKind::Rejected).await;
    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = t.get(&format!("{PATH}{query}"), TOKEN).await;
        assert_eq!(page.status, 200, "{page:?}");
        seen.extend(listed(&page.body));
        let Some(cursor) = page.body["cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    let expected: Vec<String> = dead.iter().rev().map(ToString::to_string).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_list_is_narrowed_by_type_error_and_time() {
    let t = Bench::new().await;
    let rejected = t.bury(2, FailureKind::Rejected).await;
    let timeout = t.bury(1, FailureKind::Timeout).await;
    for (query, expected) in [
        ("?errorKind=timeout", vec![timeout[0].to_string()]),
        ("?type=audit_log_created&errorKind=rejected", vec![rejected[1].to_string(), rejected[0].to_string()]),
        ("?type=send_refund_email", vec![]),
        ("?since=1800000000002", vec![timeout[0].to_string()]),
        ("?until=1800000000001", vec![rejected[0].to_string()]),
    ] {
        let page = t.get(&format!("{PATH}{query}"), TOKEN).await;
        assert_eq!((listed(&page.body), &page.body["cursor"]), (expected, &Value::Null), "{query}");
    }
}

#[tokio::test]
async fn named_ones_are_redriven_and_it_is_on_record() {
    let t = Bench::new().await;
    let dead = t.bury(3, FailureKind::Rejected).await;

    let body = json!({"action": "redrive", "ids": [dead[0], dead[2]]}).to_string();
    let answer = t.post(PATH, TOKEN, &body).await;

    assert_eq!((answer.status, answer.body), (200, json!({"done": 2, "skipped": 0, "more": false, "cursor": null})));
    let jobs = t.claim(10).await.jobs;
    let ids: Vec<_> = jobs.iter().take(2).map(|job| job.id.clone()).collect();
    assert_eq!((ids, jobs.len()), (vec![dead[0].clone(), dead[2].clone()], 3));
    let record: Value = serde_json::from_str(jobs[2].document.as_ref().unwrap().payload.get()).unwrap();
    assert_eq!(record["eventData"]["action"], "dead_letters_redriven");
    assert_eq!(record["eventData"]["before"], json!({"status": "dead_letter", "jobIds": [dead[0], dead[2]]}));
}

#[tokio::test]
async fn what_is_not_dead_is_named_and_nothing_is_changed() {
    let t = Bench::new().await;
    let dead = t.bury(1, FailureKind::Rejected).await;
    let live = t.enqueue(JobOptions::default()).await.id().clone();
    let before = t.state().await;
    for action in ["redrive", "discard"] {
        let body = json!({"action": action, "ids": [dead[0], live, "job-none"]}).to_string();
        let answer = t.post(PATH, TOKEN, &body).await;
        assert_eq!(answer.problem(), (409, "not_dead"));
        assert_eq!(answer.body["detail"], format!("{live}, job-none are no dead letters; nothing was changed"));
    }
    let edit = json!({"action": "edit", "id": live, "payload": {"eventData": {}}}).to_string();
    assert_eq!(t.post(PATH, TOKEN, &edit).await.problem(), (409, "not_dead"));
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn all_of_a_type_are_redriven_step_by_step_oldest_first_and_none_twice() {
    let t = Bench::new().await;
    let dead = t.bury(25, FailureKind::Rejected).await;
    let mut body = json!({"action": "redrive", "type": "audit_log_created", "limit": 10});
    let mut done = Vec::new();
    loop {
        let answer = t.post(PATH, TOKEN, &body.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        done.push(answer.body["done"].as_u64().unwrap());
        // What was brought back dies soon: the steps that follow leave it alone.
        t.advance(std::time::Duration::from_millis(2));
        for job in t.claim(250).await.jobs {
            t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;
        }
        if answer.body["more"] == false {
            break;
        }
        body["cursor"] = answer.body["cursor"].clone();
    }
    assert_eq!(done, [10, 10, 5]);
    for id in dead {
        assert_eq!(t.document(&id).await["history"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn all_are_discarded_at_once_where_the_limit_allows() {
    let t = Bench::new().await;
    t.bury(120, FailureKind::Rejected).await;

    let answer = t.post(PATH, TOKEN, r#"{"action":"discard","all":true}"#).await;

    assert_eq!(answer.body, json!({"done": 120, "skipped": 0, "more": false, "cursor": null}));
    assert_eq!(t.at("queue:dead_letter").await, json!(null));
}

#[tokio::test]
async fn an_edit_is_shown_and_one_that_does_not_parse_is_refused() {
    let t = Bench::new().await;
    let dead = t.bury(1, FailureKind::Unreadable).await;
    let before = t.state().await;
    let bad = json!({"action": "edit", "id": dead[0], "payload": {"event": 1}}).to_string();
    assert_eq!(t.post(PATH, TOKEN, &bad).await.problem(), (422, "invalid_payload"));
    assert_eq!(t.state().await, before);

    let good = json!({"action": "edit", "id": dead[0], "payload": {"eventData": {"n": 2}}}).to_string();
    let answer = t.post(PATH, TOKEN, &good).await;

    assert_eq!((answer.status, &answer.body["payload"]), (200, &json!({"eventData": {"n": 2}})));
    assert_eq!(answer.body["status"], "dead_letter");
}

#[tokio::test]
async fn bad_input_is_refused_with_what_was_expected_and_nothing_is_changed() {
    let t = Bench::new().await;
    t.bury(2, FailureKind::Rejected).await;
    let before = t.state().await;
    let page = t.get(&format!("{PATH}?limit=1"), TOKEN).await;
    let cursor = page.body["cursor"].as_str().unwrap().to_owned();
    for (query, code) in [
        ("?limit=0".to_owned(), "invalid_field"),
        ("?limit=-1".to_owned(), "invalid_field"),
        ("?limit=101".to_owned(), "invalid_field"),
        ("?limit=x".to_owned(), "invalid_field"),
        ("?type=x".to_owned(), "unknown_type"),
        ("?errorKind=x".to_owned(), "invalid_field"),
        ("?since=yesterday".to_owned(), "invalid_field"),
        ("?cursor=abc".to_owned(), "invalid_cursor"),
        (format!("?type=audit_log_created&cursor={cursor}"), "invalid_cursor"),
        ("?limt=1".to_owned(), "unknown_field"),
        ("?limit=1&limit=2".to_owned(), "invalid_field"),
    ] {
        assert_eq!(t.get(&format!("{PATH}{query}"), TOKEN).await.problem(), (422, code), "{query}");
    }
    let from_list = json!({"action": "redrive", "all": true, "cursor": cursor}).to_string();
    for (body, code) in [
        ("{}", "missing_field"),
        (r#"{"action":"drop"}"#, "unknown_action"),
        (r#"{"action":"redrive"}"#, "invalid_field"),
        (r#"{"action":"redrive","all":false}"#, "invalid_field"),
        (r#"{"action":"redrive","all":true,"type":"audit_log_created"}"#, "invalid_field"),
        (r#"{"action":"redrive","ids":[]}"#, "invalid_count"),
        (r#"{"action":"redrive","ids":["a b"]}"#, "invalid_id"),
        (r#"{"action":"redrive","type":"x"}"#, "unknown_type"),
        (r#"{"action":"redrive","all":true,"limit":0}"#, "invalid_field"),
        (r#"{"action":"redrive","all":true,"limit":-1}"#, "invalid_field"),
        (r#"{"action":"redrive","all":true,"cursor":"zzz"}"#, "invalid_cursor"),
        (from_list.as_str(), "invalid_cursor"),
        (r#"{"action":"redrive","all":true,"dry":1}"#, "unknown_field"),
        (r#"{"action":"edit","id":"job-1"}"#, "missing_field"),
    ] {
        assert_eq!(t.post(PATH, TOKEN, body).await.problem(), (422, code), "{body}");
    }
    let closed = t.post(PATH, "wrong-token", r#"{"action":"discard","all":true}"#).await;
    assert_eq!(closed.problem(), (401, "wrong_token"));
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn ten_thousand_are_redriven_in_bounded_steps() {
    let t = Bench::new().await;
    for _ in 0..40 {
        t.enqueue_many(250).await;
        let jobs = t.claim(250).await.jobs;
        let bury = |job| t.settlement(job, Verdict::Bury(failure(FailureKind::Rejected)));
        let buried: Vec<_> = jobs.iter().map(bury).collect();
        t.queue.settle(&buried).await.unwrap();
    }
    let mut body = json!({"action": "redrive", "all": true, "limit": 1000});
    let (mut done, mut steps) = (0, 0);
    loop {
        let calls = t.rest.calls();
        let answer = t.post(PATH, TOKEN, &body.to_string()).await;
        done += answer.body["done"].as_u64().unwrap();
        steps += 1;
        assert!(t.rest.calls() - calls <= 22, "{} calls", t.rest.calls() - calls);
        if answer.body["more"] == false {
            break;
        }
        body["cursor"] = answer.body["cursor"].clone();
    }
    assert_eq!((done, steps), (10_000, 10));
    let length = t.redis(&["LLEN", &format!("{}queue:audit_log_created", t.prefix)]).await;
    // A hundred audit records, one a hundred dead letters, are among them.
    assert_eq!(length, json!(10_100));
}

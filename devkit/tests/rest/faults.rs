//! Each fault, as a caller meets it, and what it leaves in Redis.

use std::time::{Duration, Instant};

use devkit::rest::Fault;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::bench::{Answer, Bench};

/// Runs `INCR` on a new key under a fault; answers what the caller met and what the key holds afterwards.
async fn increment_under(bench: &Bench, fault: Fault) -> (reqwest::Result<Answer>, Value) {
    let key = bench.key("n");
    bench.faults().next(fault);
    let request = bench.request(Method::POST, "/").body(json!(["INCR", key]).to_string());
    let met = match request.send().await {
        Ok(response) => Ok(Answer::of(response).await),
        Err(error) => Err(error),
    };
    (met, bench.run(json!(["GET", key])).await)
}

#[tokio::test]
async fn latency_delays_an_answer_and_changes_nothing_else() {
    let bench = Bench::new().await;
    let start = Instant::now();

    let (met, value) = increment_under(&bench, Fault::Latency(Duration::from_millis(50))).await;

    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!((met.unwrap().text.as_str(), value), (r#"{"result":1}"#, json!("1")));
}

#[tokio::test]
async fn a_refused_request_has_not_run() {
    let bench = Bench::new().await;

    let (met, value) = increment_under(&bench, Fault::Refused).await;

    let error = met.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!(value, json!(null));
}

#[tokio::test]
async fn a_lost_reply_has_run() {
    let bench = Bench::new().await;

    let (met, value) = increment_under(&bench, Fault::ReplyLost).await;

    let error = met.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!(value, "1");
}

#[tokio::test]
async fn a_cut_reply_has_run_and_breaks_in_the_body() {
    let bench = Bench::new().await;
    let key = bench.key("text");
    bench.run(json!(["SET", key, "0123456789"])).await;
    bench.faults().next(Fault::ReplyCut);

    let mut response = bench.request(Method::GET, &format!("/getdel/{key}")).send().await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    let whole = r#"{"result":"0123456789"}"#;
    assert_eq!(response.content_length(), Some(whole.len() as u64));
    assert_eq!(response.chunk().await.unwrap().unwrap(), &whole.as_bytes()[..whole.len() / 2]);
    assert!(response.chunk().await.is_err());
    assert_eq!(bench.run(json!(["GET", key])).await, json!(null));
}

#[tokio::test]
async fn a_busy_service_says_so_in_json_and_a_gateway_in_html() {
    let bench = Bench::new().await;

    let (busy, value) = increment_under(&bench, Fault::Status(429)).await;
    assert_eq!(value, json!(null));
    let (failed, value) = increment_under(&bench, Fault::Status(500)).await;
    assert_eq!(value, json!(null));
    let (gateway, value) = increment_under(&bench, Fault::StatusAfter(502)).await;
    assert_eq!(value, "1");

    let busy = busy.unwrap();
    assert_eq!((busy.status, busy.content_type.as_str()), (429, "application/json"));
    assert!(busy.json()["error"].is_string());
    for (answer, status) in [(failed.unwrap(), 500), (gateway.unwrap(), 502)] {
        assert_eq!((answer.status, answer.content_type.as_str()), (status, "text/html"));
        assert!(answer.text.starts_with("<html>"));
    }
}

#[tokio::test]
async fn a_stalled_request_is_not_answered_whether_it_ran_or_not() {
    let bench = Bench::new().await;

    for (fault, left) in [(Fault::Stall, json!(null)), (Fault::StallAfter, json!("1"))] {
        let key = bench.key(&format!("{fault:?}"));
        bench.faults().next(fault);
        let body = json!(["INCR", key]).to_string();
        let stalled = tokio::spawn(bench.request(Method::POST, "/").body(body).send());
        let before = bench.faults().fired();
        while bench.faults().fired() == before || bench.run(json!(["GET", key])).await != left {
            tokio::task::yield_now().await;
        }

        assert_eq!(bench.run(json!(["GET", key])).await, left);
        assert!(!stalled.is_finished());
        stalled.abort();
    }
}

#[tokio::test]
async fn a_server_with_a_stalled_request_stops_at_once() {
    let bench = Bench::new().await;
    bench.faults().next(Fault::Stall);
    let stalled = tokio::spawn(bench.request(Method::GET, "/ping").send());
    while bench.faults().fired() == 0 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();

    bench.server.stop().await;

    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(stalled.await.unwrap().is_err());
}

#[tokio::test]
async fn a_fault_finds_the_request_that_contains_its_text() {
    let bench = Bench::new().await;
    bench.faults().next_matching("the other", Fault::Status(429));

    assert_eq!(bench.post("/", json!(["ECHO", "the one"]).to_string()).await.status, 200);
    assert_eq!(bench.post("/", json!(["ECHO", "the other"]).to_string()).await.status, 429);
    assert_eq!(bench.post("/", json!(["ECHO", "the other"]).to_string()).await.status, 200);
}

#[tokio::test]
async fn a_scenario_can_crash_at_each_of_its_calls_in_turn() {
    let bench = Bench::new().await;
    let key = bench.key("steps");
    let scenario = async || {
        for _ in 0..3 {
            if bench.attempt(json!(["INCR", key])).await.is_err() {
                break;
            }
        }
    };
    let before = bench.faults().seen();
    scenario().await;
    let calls = bench.faults().seen() - before;

    let mut applied = Vec::new();
    for call in 1..=calls {
        bench.run(json!(["DEL", key])).await;
        bench.faults().crash_at(call, Fault::ReplyLost);
        scenario().await;
        assert!(bench.attempt(json!(["PING"])).await.is_err());
        bench.faults().clear();
        applied.push(bench.run(json!(["GET", key])).await);
    }

    assert_eq!(json!(applied), json!(["1", "2", "3"]));
}

#[tokio::test]
async fn people_ask_for_faults_by_http() {
    let bench = Bench::new().await;

    let added = bench.post("/__faults", r#"{"fault":"status","status":503,"times":2}"#).await;
    assert_eq!(
        added.json(),
        json!({"seen": 0, "fired": 0, "pending": ["Status(503) at the next call", "Status(503) at the next call"]})
    );
    assert_eq!(bench.get("/ping").await.status, 503);
    let shown = bench.get("/__faults").await;
    assert_eq!(shown.json(), json!({"seen": 1, "fired": 1, "pending": ["Status(503) at the next call"]}));
    let cleared = Answer::of(bench.request(Method::DELETE, "/__faults").send().await.unwrap()).await;
    assert_eq!(cleared.json(), json!({"seen": 1, "fired": 1, "pending": []}));
    assert_eq!(bench.get("/ping").await.status, 200);
}

#[tokio::test]
async fn a_wish_that_is_not_understood_is_400_and_one_without_token_401() {
    let bench = Bench::new().await;

    for body in ["", r#"{"fault":"meteor"}"#, r#"{"fault":"latency"}"#, r#"{"fault":"stall","at":1,"every":2}"#] {
        let answer = bench.post("/__faults", body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"].as_str().unwrap().contains("expected") || body.is_empty(), "{}", answer.text);
    }
    let stranger = bench.bare_request(Method::GET, "/__faults").send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(bench.get("/ping").await.status, 200);
}

//! Who may call, by which method, and with how much.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::bench::{Answer, Bench, TOKEN};

const UNAUTHORIZED: &str = r#"{"error":"WRONGPASS invalid or missing auth token"}"#;

async fn sent(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn nobody_runs_anything_without_the_token() {
    let bench = Bench::new().await;
    let key = bench.key("k");
    let set = json!(["SET", key, "v"]).to_string();

    let missing = sent(bench.bare_request(Method::POST, "/").body(set.clone())).await;
    let wrong = sent(bench.bare_request(Method::POST, "/").bearer_auth("other").body(set)).await;
    let path = sent(bench.bare_request(Method::GET, &format!("/set/{key}/v?_token=other"))).await;

    for answer in [missing, wrong, path] {
        assert_eq!((answer.status, answer.text.as_str()), (401, UNAUTHORIZED));
    }
    assert_eq!(bench.server.calls(), 0);
    assert_eq!(bench.run(json!(["EXISTS", key])).await, 0);
}

#[tokio::test]
async fn the_token_may_come_in_the_query() {
    let bench = Bench::new().await;
    let path = format!("/set/{}/v?EX=100&_token={TOKEN}", bench.key("k"));

    let answer = sent(bench.bare_request(Method::GET, &path)).await;

    assert_eq!(answer.text, r#"{"result":"OK"}"#);
}

#[tokio::test]
async fn head_get_post_and_put_are_allowed_and_nothing_else() {
    let bench = Bench::new().await;

    for method in [Method::GET, Method::POST, Method::PUT] {
        assert_eq!(sent(bench.request(method, "/ping")).await.text, r#"{"result":"PONG"}"#);
    }
    let head = sent(bench.request(Method::HEAD, "/ping")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    for method in [Method::DELETE, Method::PATCH, Method::OPTIONS] {
        assert_eq!(sent(bench.request(method, "/ping")).await.status, 405);
    }
}

#[tokio::test]
async fn a_request_over_ten_megabytes_is_refused_and_one_below_runs() {
    let bench = Bench::new().await;
    let key = bench.key("big");
    let limit = 10 * 1024 * 1024;
    let set = |length: usize| json!(["SET", key, "x".repeat(length)]).to_string();

    let over = bench.post("/", set(limit)).await;
    let below = bench.post("/", set(limit - 100)).await;

    assert_eq!((over.status, over.text.as_str()), (400, r#"{"error":"ERR max request size exceeded"}"#));
    assert_eq!((below.status, below.text.as_str()), (200, r#"{"result":"OK"}"#));
    assert_eq!(bench.run(json!(["STRLEN", key])).await, limit - 100);
    bench.run(json!(["DEL", key])).await;
}

#[tokio::test]
async fn every_answer_carries_a_sync_token() {
    let bench = Bench::new().await;

    let response = bench.request(Method::GET, "/ping").header("upstash-sync-token", "x").send().await.unwrap();

    assert!(!response.headers()["upstash-sync-token"].is_empty());
}

//! Answers in base64 and in Redis's own bytes.

use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Answer, Bench};

async fn asked(bench: &Bench, path: &str, header: (&str, &str), body: Value) -> Answer {
    let request = bench.request(Method::POST, path).header(header.0, header.1).body(body.to_string());
    Answer::of(request.send().await.unwrap()).await
}

async fn base64(bench: &Bench, path: &str, body: Value) -> Value {
    asked(bench, path, ("Upstash-Encoding", "base64"), body).await.json()
}

async fn resp2(bench: &Bench, path: &str, body: Value) -> Answer {
    asked(bench, path, ("Upstash-Response-Format", "resp2"), body).await
}

#[tokio::test]
async fn base64_covers_every_string_but_the_status_ok() {
    let bench = Bench::new().await;
    let key = bench.key("k");
    bench.get(&format!("/rpush/{key}/%ff/OK")).await;

    assert_eq!(base64(&bench, "/", json!(["SET", bench.key("s"), "v"])).await, json!({"result": "OK"}));
    assert_eq!(base64(&bench, "/", json!(["LRANGE", key, 0, -1])).await, json!({"result": ["/w==", "T0s="]}));
    assert_eq!(base64(&bench, "/", json!(["LLEN", key])).await, json!({"result": 2}));
    assert_eq!(base64(&bench, "/", json!(["GET", bench.key("none")])).await, json!({"result": null}));
    assert_eq!(
        base64(&bench, "/", json!(["EVAL", "return {redis.status_reply('OK')}", 0])).await,
        json!({"result": ["T0s="]})
    );
    assert_eq!(
        base64(&bench, "/", json!(["GET"])).await,
        json!({"error": "ERR wrong number of arguments for 'get' command"})
    );
}

#[tokio::test]
async fn base64_covers_pipelines_and_transactions() {
    let bench = Bench::new().await;
    let commands = json!([["SET", bench.key("k"), "bar"], ["GET", bench.key("k")], ["INCR", bench.key("k")]]);
    let expected = json!([
        {"result": "OK"},
        {"result": "YmFy"},
        {"error": "ERR value is not an integer or out of range"},
    ]);

    assert_eq!(base64(&bench, "/pipeline", commands.clone()).await, expected);
    assert_eq!(base64(&bench, "/multi-exec", commands).await, expected);
}

#[tokio::test]
async fn resp2_is_what_redis_said() {
    let bench = Bench::new().await;
    let key = bench.key("k");

    let set = resp2(&bench, "/", json!(["SET", key, "bar"])).await;
    let many = resp2(&bench, "/pipeline", json!([["GET", key], ["GET"], ["KEYS", "none"], ["SELECT", 1]])).await;
    let failed = resp2(&bench, "/", json!(["GET"])).await;

    assert_eq!((set.content_type.as_str(), set.text.as_str()), ("application/octet-stream", "+OK\r\n"));
    assert_eq!(
        many.text,
        "$3\r\nbar\r\n-ERR wrong number of arguments for 'get' command\r\n*0\r\n\
         -ERR Command \"SELECT\" is not allowed in REST or it has a special context path\r\n"
    );
    let refused = resp2(&bench, "/", json!(["SELECT", 1])).await;
    assert_eq!((refused.status, refused.text.as_bytes()[0]), (400, b'-'));
    assert_eq!(failed.status, 400);
    assert_eq!(failed.text, "-ERR wrong number of arguments for 'get' command\r\n");
}

#[tokio::test]
async fn a_transaction_answers_json_whatever_is_asked() {
    let bench = Bench::new().await;

    let answer = resp2(&bench, "/multi-exec", json!([["PING"]])).await;

    assert_eq!((answer.content_type.as_str(), answer.text.as_str()), ("application/json", r#"[{"result":"PONG"}]"#));
}

#[tokio::test]
async fn formats_that_exclude_each_other_or_do_not_exist_are_400() {
    let bench = Bench::new().await;

    let both = bench
        .request(Method::GET, "/ping")
        .header("Upstash-Encoding", "base64")
        .header("Upstash-Response-Format", "resp2")
        .send()
        .await
        .unwrap();
    let unknown = bench.request(Method::GET, "/ping").header("Upstash-Response-Format", "resp3").send().await.unwrap();

    assert_eq!((both.status().as_u16(), unknown.status().as_u16()), (400, 400));
    assert_eq!(bench.server.calls(), 0);
}

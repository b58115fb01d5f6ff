//! Commands as arrays and as paths, one or many, and those that are refused.

use reqwest::Method;
use serde_json::json;

use super::bench::{Answer, Bench};

#[tokio::test]
async fn a_command_in_an_array_has_its_result() {
    let bench = Bench::new().await;
    let key = bench.key("k");

    assert_eq!(bench.run(json!(["SET", key, "v", "EX", 100])).await, "OK");
    assert_eq!(bench.run(json!(["GET", key])).await, "v");
    assert_eq!(bench.run(json!(["GET", bench.key("none")])).await, json!(null));
    assert_eq!(bench.run(json!(["KEYS", bench.key("none")])).await, json!([]));
    assert_eq!(bench.server.calls(), 4);
}

#[tokio::test]
async fn a_command_in_a_path_takes_its_body_and_then_its_query() {
    let bench = Bench::new().await;
    let key = bench.key("a%2Fb");

    let set = bench.post(&format!("/set/{key}?EX=100"), "a body / with \"all\" in it").await;
    let put = bench.request(Method::PUT, &format!("/append/{key}")).body(" +").send().await.unwrap();
    let ttl = bench.get(&format!("/ttl/{key}")).await;

    assert_eq!(set.json(), json!({"result": "OK"}));
    assert_eq!(Answer::of(put).await.json(), json!({"result": 27}));
    assert!((1..=100).contains(&ttl.json()["result"].as_u64().unwrap()));
    assert_eq!(bench.run(json!(["GET", bench.key("a/b")])).await, "a body / with \"all\" in it +");
}

#[tokio::test]
async fn redis_own_errors_come_word_for_word_with_400() {
    let bench = Bench::new().await;
    let key = bench.key("list");
    bench.run(json!(["RPUSH", key, "x"])).await;

    assert_eq!(bench.error(json!(["GET"])).await, "ERR wrong number of arguments for 'get' command");
    assert_eq!(
        bench.error(json!(["GET", key])).await,
        "WRONGTYPE Operation against a key holding the wrong kind of value"
    );
    let path = bench.get(&format!("/get/{key}")).await;
    assert_eq!(path.status, 400);
}

#[tokio::test]
async fn what_is_no_command_is_refused_before_redis() {
    let bench = Bench::new().await;

    assert_eq!(bench.error(json!([])).await, "ERR empty command");
    assert_eq!(bench.error(json!(["GET", null])).await, "ERR null args are not supported");
    assert_eq!(bench.error(json!({"a": 1})).await, "ERR failed to parse command, expected JSON array");
    for (path, body) in
        [("/", ""), ("/", "nonsense"), ("/pipeline", "[1]"), ("/multi-exec", "{}"), ("/pipeline", "[[]]")]
    {
        let answer = bench.post(path, body).await;
        assert_eq!(answer.status, 400, "{path} {body}");
        assert!(answer.json()["error"].as_str().unwrap().starts_with("ERR "), "{path} {body}");
    }
    assert_eq!(
        bench.get("/").await.text,
        r#"{"error":"ERR failed to parse command, expected JSON array: EOF while parsing a value at line 1 column 0"}"#
    );
    assert_eq!(bench.server.calls(), 0);
}

#[tokio::test]
async fn commands_that_wait_or_configure_are_refused() {
    let bench = Bench::new().await;

    assert_eq!(
        bench.error(json!(["blpop", "k", 0])).await,
        "ERR Command \"BLPOP\" is not allowed in REST or it has a special context path"
    );
    assert_eq!(
        bench.error(json!(["CONFIG", "GET", "*"])).await,
        "ERR Command is not available: 'CONFIG'. \
         See https://upstash.com/docs/redis/overall/rediscompatibility for details"
    );
    assert_eq!(bench.get("/shutdown").await.status, 400);
    assert_eq!(bench.run(json!(["ECHO", "still here"])).await, "still here");
}

#[tokio::test]
async fn what_upstash_allows_runs() {
    let bench = Bench::new().await;

    assert_eq!(bench.run(json!(["PING"])).await, "PONG");
    assert!(bench.run(json!(["INFO"])).await.as_str().unwrap().contains("used_memory"));
    assert!(bench.run(json!(["DBSIZE"])).await.is_u64());
    assert!(bench.run(json!(["COMMAND", "COUNT"])).await.is_u64());
}

#[tokio::test]
async fn a_pipeline_answers_in_order_and_one_error_is_one_item() {
    let bench = Bench::new().await;
    let (a, b) = (bench.key("a"), bench.key("b"));

    let answer = bench
        .post("/pipeline", json!([["SET", a, "x"], ["INCR", a], ["WATCH", a], ["RPUSH", b, 1, 2]]).to_string())
        .await;

    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!([
            {"result": "OK"},
            {"error": "ERR value is not an integer or out of range"},
            {"error": "ERR Command \"WATCH\" is not allowed in REST or it has a special context path"},
            {"result": 2},
        ])
    );
    assert_eq!(bench.server.calls(), 1);
}

#[tokio::test]
async fn an_empty_pipeline_has_no_results() {
    let bench = Bench::new().await;

    assert_eq!(bench.post("/pipeline", "[]").await.text, "[]");
}

#[tokio::test]
async fn a_long_pipeline_with_long_replies_comes_back_whole() {
    let bench = Bench::new().await;
    let value = "é".repeat(50_000);
    let commands: Vec<_> = (0..50)
        .flat_map(|n| {
            let key = bench.key(&n.to_string());
            [json!(["SET", key, value, "EX", 60]), json!(["GET", key])]
        })
        .collect();

    let answer = bench.post("/pipeline", json!(commands).to_string()).await;

    let results = answer.json();
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), 100);
    assert!(results.iter().skip(1).step_by(2).all(|item| item["result"] == value.as_str()));
}

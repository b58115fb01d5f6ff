//! Commands as JSON arrays, and what comes back.

use serde_json::json;

use super::bench::Bench;

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
}

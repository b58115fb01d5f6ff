//! `/multi-exec`: all or nothing, and nobody in between.

use devkit::redis::Kind;
use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn each_command_has_its_result_and_an_error_stops_no_other() {
    let bench = Bench::new().await;
    let key = bench.key("k");

    let answer = bench.post("/multi-exec", json!([["SET", key, "x"], ["INCR", key], ["GET", key]]).to_string()).await;

    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!([
            {"result": "OK"},
            {"error": "ERR value is not an integer or out of range"},
            {"result": "x"},
        ])
    );
}

#[tokio::test]
async fn a_transaction_redis_discards_is_one_error() {
    let bench = Bench::new().await;
    if bench.kind == Kind::Meebis {
        // It finds out only when it runs the command, and discards nothing.
        return;
    }
    let key = bench.key("k");

    let answer = bench.post("/multi-exec", json!([["SET", key, "x"], ["NOSUCHCOMMAND"]]).to_string()).await;

    assert_eq!(answer.status, 400);
    assert_eq!(answer.json(), json!({"error": "EXECABORT Transaction discarded because of previous errors."}));
    assert_eq!(bench.run(json!(["EXISTS", key])).await, 0);
}

#[tokio::test]
async fn a_transaction_with_a_command_that_may_not_be_sent_does_not_run() {
    let bench = Bench::new().await;
    let key = bench.key("k");

    let answer = bench.post("/multi-exec", json!([["SET", key, "x"], ["BLPOP", key, 0]]).to_string()).await;

    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({"error": "ERR Command \"BLPOP\" is not allowed in REST or it has a special context path"})
    );
    assert_eq!(bench.run(json!(["EXISTS", key])).await, 0);
}

#[tokio::test]
async fn fifty_at_once_do_not_mix() {
    let bench = Bench::new().await;
    let counter = bench.key("counter");
    let body = json!([["INCR", counter], ["INCR", counter], ["GET", counter]]).to_string();

    let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..50 {
        let (sender, request) =
            (sender.clone(), bench.request(reqwest::Method::POST, "/multi-exec").body(body.clone()));
        tokio::spawn(async move {
            sender.send(super::bench::Answer::of(request.send().await.unwrap()).await).unwrap();
        });
    }
    drop(sender);

    let mut firsts = Vec::new();
    while let Some(answer) = answers.recv().await {
        let first = answer.json()[0]["result"].as_u64().unwrap();
        assert_eq!(
            answer.json(),
            json!([{"result": first}, {"result": first + 1}, {"result": (first + 1).to_string()}])
        );
        firsts.push(first);
    }
    firsts.sort_unstable();
    assert_eq!(firsts, (0..50).map(|n| n * 2 + 1).collect::<Vec<u64>>());
}

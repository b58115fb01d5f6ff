//! What goes in comes out: numbers, text of every kind, arrays in arrays.

use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn integers_keep_every_digit_both_ways() {
    let bench = Bench::new().await;
    let key = bench.key("n");

    let set = bench.post("/", format!(r#"["SET","{key}",9223372036854775806]"#)).await;
    let incremented = bench.post("/", json!(["INCR", key]).to_string()).await;
    let longer = bench.post("/", format!(r#"["SET","{key}",123456789012345678901234567890]"#)).await;

    assert_eq!(set.text, r#"{"result":"OK"}"#);
    assert_eq!(incremented.text, r#"{"result":9223372036854775807}"#);
    assert_eq!(longer.status, 200);
    assert_eq!(bench.run(json!(["GET", key])).await, "123456789012345678901234567890");
}

#[tokio::test]
async fn numbers_go_to_redis_as_they_were_written() {
    let bench = Bench::new().await;
    let key = bench.key("list");

    bench.post("/", format!(r#"["RPUSH","{key}",1e3,-0.10,1.0,true]"#)).await;

    assert_eq!(bench.run(json!(["LRANGE", key, 0, -1])).await, json!(["1e3", "-0.10", "1.0", "true"]));
}

#[tokio::test]
async fn doubles_come_as_text() {
    let bench = Bench::new().await;
    let key = bench.key("scores");
    bench.run(json!(["ZADD", key, 1.5, "a"])).await;

    assert_eq!(bench.run(json!(["ZSCORE", key, "a"])).await, "1.5");
    assert_eq!(bench.run(json!(["ZRANGE", key, 0, -1, "WITHSCORES"])).await, json!(["a", "1.5"]));
}

#[tokio::test]
async fn text_of_every_kind_comes_back_as_it_was() {
    let bench = Bench::new().await;
    let key = bench.key("text");

    for text in ["", "\0\u{1}\u{1f}\u{7f}", "\"\\/\r\n\t", "é 漢字 🦀 \u{2028}\u{feff}", "{\"a\":[]}", "</script>"]
    {
        bench.run(json!(["SET", key, text])).await;
        assert_eq!(bench.run(json!(["GET", key])).await, text);
    }
}

#[tokio::test]
async fn half_a_surrogate_pair_breaks_nothing() {
    let bench = Bench::new().await;
    let key = bench.key("half");

    let set = bench.post("/", format!(r#"["SET","{key}","a\ud800b"]"#)).await;

    assert_eq!(set.text, r#"{"result":"OK"}"#);
    assert_eq!(bench.run(json!(["GET", key])).await, "a\u{fffd}\u{fffd}\u{fffd}b");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced() {
    let bench = Bench::new().await;
    let key = bench.key("bytes");
    bench.get(&format!("/set/{key}/%ff%00a")).await;

    assert_eq!(bench.run(json!(["GET", key])).await, "\u{fffd}\0a");
    assert_eq!(bench.run(json!(["STRLEN", key])).await, 3);
}

#[tokio::test]
async fn arrays_keep_their_shape() {
    let bench = Bench::new().await;

    let nested = bench.run(json!(["EVAL", "return {1, {}, {'a', {false, {2}}}, redis.status_reply('FINE')}", 0])).await;

    assert_eq!(nested, json!([1, [], ["a", [null, [2]]], "FINE"]));
}

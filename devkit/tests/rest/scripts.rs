//! Scripts: by text, by SHA1, and those that lock their keys.

use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn a_script_that_is_not_cached_says_so_in_upstash_words() {
    let bench = Bench::new().await;

    let error = bench.error(json!(["EVALSHA", "0123456789012345678901234567890123456789", 0])).await;

    assert_eq!(error, "NOSCRIPT No matching script. Please use EVAL.");
}

#[tokio::test]
async fn a_script_runs_by_text_and_then_by_sha() {
    let bench = Bench::new().await;
    let script = format!("-- {}\nreturn {{KEYS[1], ARGV[1]}}", bench.key("text"));

    let sha = bench.run(json!(["SCRIPT", "LOAD", script])).await;

    assert_eq!(bench.run(json!(["EVALSHA", sha, 1, "k", 7])).await, json!(["k", "7"]));
    assert_eq!(bench.run(json!(["EVAL", script, 1, "k", "v"])).await, json!(["k", "v"]));
}

#[tokio::test]
async fn a_script_that_locks_its_keys_is_known_by_the_sha_of_its_own_text() {
    let bench = Bench::new().await;
    let script = "#!lua flags=allow-key-locking\nreturn redis.call('ECHO', ARGV[1])";
    // What sha1sum says of exactly this text.
    let sha = "98c5e25a2406b0b3a763219642dec3429562ed0f";

    assert_eq!(bench.run(json!(["EVAL", script, 0, "by text"])).await, "by text");
    assert_eq!(bench.run(json!(["EVALSHA", sha, 0, "by sha"])).await, "by sha");
    assert_eq!(bench.run(json!(["SCRIPT", "LOAD", script])).await, sha);
    assert_eq!(bench.run(json!(["SCRIPT", "EXISTS", sha])).await, json!([1]));
    let pipeline = json!([["SCRIPT", "LOAD", script], ["EVALSHA", sha, 0, "piped"]]);
    assert_eq!(
        bench.post("/pipeline", pipeline.to_string()).await.json(),
        json!([{"result": sha}, {"result": "piped"}])
    );
    assert_eq!(
        bench.post("/multi-exec", pipeline.to_string()).await.json(),
        json!([{"result": sha}, {"result": "piped"}])
    );
}

#[tokio::test]
async fn an_error_in_a_script_comes_word_for_word() {
    let bench = Bench::new().await;

    let error = bench.error(json!(["EVAL", "return redis.error_reply('MINE because')", 0])).await;

    assert_eq!(error, "MINE because");
}

//! Redis goes, and comes back.

use std::time::{Duration, Instant};

use devkit::redis::{RedisOptions, RedisServer, StartError};
use devkit::rest;
use serde_json::json;

use super::bench::{Bench, TOKEN, start_redis};

/// A folder that goes with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("devkit-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test]
async fn a_redis_that_is_down_is_an_error_at_once_and_one_that_is_back_is_used_again() {
    let mut redis = start_redis().await;
    let bench = Bench::before(&redis).await;
    bench.run(json!(["SET", "k", "v"])).await;

    redis.kill().await;
    let start = Instant::now();
    let down = bench.post("/", json!(["GET", "k"]).to_string()).await;
    let piped = bench.post("/pipeline", json!([["GET", "k"]]).to_string()).await;
    let stream = bench.get("/subscribe/chat").await;

    assert!(start.elapsed() < Duration::from_secs(3));
    for answer in [down, piped, stream] {
        assert_eq!(answer.status, 503);
        assert!(answer.json()["error"].as_str().unwrap().starts_with("ERR redis is not reachable: "));
    }
    redis.restart().await.unwrap();
    assert_eq!(bench.run(json!(["SET", "k", "again"])).await, "OK");
    assert_eq!(bench.run(json!(["GET", "k"])).await, "again");
}

#[tokio::test]
async fn what_was_written_is_there_after_an_orderly_restart() {
    let folder = Folder::new("restart");
    let options = RedisOptions { data_dir: Some(folder.0.clone()), ..RedisOptions::default() };
    let mut redis = RedisServer::start(options).await.unwrap();
    let bench = Bench::before(&redis).await;
    bench.run(json!(["SET", "k", "v"])).await;
    let address = redis.addr();

    redis.restart().await.unwrap();

    assert_eq!(redis.addr(), address);
    assert_eq!(bench.run(json!(["GET", "k"])).await, "v");
}

#[tokio::test]
async fn what_was_written_survives_a_kill_where_the_kind_says_so() {
    let folder = Folder::new("kill");
    let options = RedisOptions { data_dir: Some(folder.0.clone()), ..RedisOptions::default() };
    let mut redis = RedisServer::start(options).await.unwrap();
    let bench = Bench::before(&redis).await;
    bench.run(json!(["SET", "k", "v"])).await;

    redis.kill().await;
    redis.restart().await.unwrap();

    let expected = if redis.kind().survives_kill() { json!("v") } else { json!(null) };
    assert_eq!(bench.run(json!(["GET", "k"])).await, expected);
}

#[tokio::test]
async fn a_redis_port_in_use_is_an_error_with_the_words_of_redis() {
    let redis = start_redis().await;
    let port = redis.addr().port();

    let error = RedisServer::start(RedisOptions { port: Some(port), ..RedisOptions::default() }).await.unwrap_err();

    assert!(matches!(&error, StartError::Ended { output, .. } if output.contains("in use")), "{error}");
    assert!(error.to_string().contains(&port.to_string()));
}

#[tokio::test]
async fn a_rest_port_in_use_is_an_error_that_names_it() {
    let bench = Bench::new().await;
    let listen: std::net::SocketAddr = bench.server.url().strip_prefix("http://").unwrap().parse().unwrap();

    let redis = "redis://127.0.0.1:1".parse().unwrap();
    let error =
        rest::RestServer::start(rest::RestOptions { listen, token: TOKEN.to_owned(), redis }).await.unwrap_err();

    assert_eq!(
        error.to_string(),
        format!("port {} on 127.0.0.1 is in use: expected a free one for the REST server", listen.port())
    );
}

#[tokio::test]
async fn a_stopped_redis_answers_no_more() {
    let redis = start_redis().await;
    let address = redis.addr();

    redis.stop().await;

    assert!(std::net::TcpStream::connect(address).is_err());
}

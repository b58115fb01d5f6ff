//! A Redis given by its URL: which database, and who logs in.

use devkit::rest::{RedisAddress, RestOptions, RestServer};
use serde_json::{Value, json};

use super::bench::{TOKEN, client, start_redis};

async fn before(redis: RedisAddress) -> RestServer {
    let listen = "127.0.0.1:0".parse().unwrap();
    RestServer::start(RestOptions { listen, token: TOKEN.to_owned(), redis }).await.unwrap()
}

async fn run(server: &RestServer, command: Value) -> (u16, Value) {
    let request = client().post(server.url()).bearer_auth(TOKEN).body(command.to_string());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn each_database_has_its_own_keys() {
    let redis = start_redis().await;
    let first = before(redis.addr().into()).await;
    let third = before(format!("redis://{}/3", redis.addr()).parse().unwrap()).await;

    run(&third, json!(["SET", "k", "in 3"])).await;

    assert_eq!(run(&third, json!(["GET", "k"])).await, (200, json!({"result": "in 3"})));
    assert_eq!(run(&first, json!(["GET", "k"])).await, (200, json!({"result": null})));
}

#[tokio::test]
async fn a_login_that_redis_refuses_is_told_in_its_words() {
    let redis = start_redis().await;
    let server = before(format!("redis://nobody:wrong@{}", redis.addr()).parse().unwrap()).await;

    let (status, answer) = run(&server, json!(["PING"])).await;

    assert_eq!(status, 503);
    let error = answer["error"].as_str().unwrap().strip_prefix("ERR redis is not reachable: ").unwrap();
    // meebis has no users, and says that there is no password.
    assert!(error.contains("WRONGPASS") || error.contains("AUTH"), "{error}");
}

//! Streams of events: channels, patterns and the monitor.

use reqwest::{Method, Response};
use serde_json::json;

use super::bench::{Answer, Bench};

/// Reads a stream until it holds `text`, and answers all that was read.
async fn read_until(stream: &mut Response, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let chunk = stream.chunk().await.unwrap().unwrap();
        read.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    read
}

async fn listen(bench: &Bench, path: &str) -> Response {
    let stream = bench.request(Method::POST, path).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    stream
}

#[tokio::test]
async fn a_subscriber_hears_what_is_published() {
    let bench = Bench::new().await;
    let chat = bench.key("chat");
    let mut stream = listen(&bench, &format!("/subscribe/{chat}")).await;
    let greeting = read_until(&mut stream, "\n\n").await;

    assert_eq!(bench.run(json!(["PUBLISH", chat, "hello, you"])).await, 1);
    assert_eq!(bench.get(&format!("/publish/{chat}/again")).await.json(), json!({"result": 1}));

    let heard = read_until(&mut stream, "again\n\n").await;
    assert_eq!(greeting, format!("data: subscribe,{chat},1\n\n"));
    assert_eq!(heard, format!("data: message,{chat},hello, you\n\ndata: message,{chat},again\n\n"));
}

#[tokio::test]
async fn several_channels_share_a_stream() {
    let bench = Bench::new().await;
    let (a, b) = (bench.key("a"), bench.key("b"));
    let mut stream = listen(&bench, &format!("/subscribe/{a}/{b}")).await;

    let greeting = read_until(&mut stream, ",2\n\n").await;

    assert_eq!(greeting, format!("data: subscribe,{a},1\n\ndata: subscribe,{b},2\n\n"));
}

#[tokio::test]
async fn a_pattern_is_heard_with_the_channel_it_met() {
    let bench = Bench::new().await;
    let (pattern, channel) = (bench.key("*"), bench.key("a"));
    let mut stream = listen(&bench, &format!("/psubscribe/{pattern}")).await;
    let greeting = read_until(&mut stream, "\n\n").await;

    bench.run(json!(["PUBLISH", channel, "hello"])).await;

    let heard = read_until(&mut stream, "\n\n").await;
    assert_eq!(greeting, format!("data: psubscribe,{pattern},1\n\n"));
    assert_eq!(heard, format!("data: pmessage,{pattern},{channel},hello\n\n"));
}

#[tokio::test]
async fn a_message_of_two_lines_is_one_event() {
    let bench = Bench::new().await;
    let chat = bench.key("chat");
    let mut stream = listen(&bench, &format!("/subscribe/{chat}")).await;
    read_until(&mut stream, "\n\n").await;

    bench.run(json!(["PUBLISH", chat, "one\ntwo"])).await;

    assert_eq!(read_until(&mut stream, "\n\n").await, format!("data: message,{chat},one\ndata: two\n\n"));
}

#[tokio::test]
async fn the_monitor_shows_commands() {
    let bench = Bench::new().await;
    let key = bench.key("watched");
    let mut stream = bench.request(Method::POST, "/monitor").send().await.unwrap();
    if stream.status() == 400 {
        let refusal = Answer::of(stream).await;
        // meebis has no MONITOR, and says so.
        assert!(refusal.text.contains("unknown command"), "{}", refusal.text);
        return;
    }
    let greeting = read_until(&mut stream, "\n\n").await;

    bench.run(json!(["GET", key])).await;

    let seen = read_until(&mut stream, &key).await;
    assert!(greeting.starts_with("data: \"OK\"\n\n"), "{greeting}");
    assert!(seen.contains(&format!("\"GET\" \"{key}\"")), "{seen}");
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let bench = Bench::new().await;
    let mut stream = listen(&bench, &format!("/subscribe/{}", bench.key("chat"))).await;
    read_until(&mut stream, "\n\n").await;

    bench.server.stop().await;

    assert_eq!(stream.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_caller_that_goes_away_is_unsubscribed() {
    let bench = Bench::new().await;
    let chat = bench.key("chat");
    let mut stream = listen(&bench, &format!("/subscribe/{chat}")).await;
    read_until(&mut stream, "\n\n").await;

    drop(stream);

    let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
    while bench.run(json!(["PUBLISH", chat, "anybody?"])).await != 0 {
        tick.tick().await;
    }
}

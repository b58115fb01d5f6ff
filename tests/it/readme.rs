//! The README's requests, replayed against the running stack: what is shown is what comes.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Parser;
use devkit::stack::{Stack, StackOptions};
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// A `curl` line and the answer shown under it.
struct Example {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    shown: Value,
}

/// Takes the README's `sh` blocks that call `curl`, each with the `json` block that follows it.
fn examples() -> Vec<Example> {
    let readme = include_str!("../../README.md");
    let mut blocks = readme.split("```").skip(1).step_by(2);
    let mut examples = Vec::new();
    while let Some(block) = blocks.next() {
        let Some(command) = block.strip_prefix("sh\ncurl ") else { continue };
        let shown = blocks.next().and_then(|block| block.strip_prefix("json\n")).unwrap();
        let body = command.split_once(" -d '").map(|(_, rest)| rest.trim().trim_end_matches('\'').to_owned());
        let (_, url) = command.split_once("http://127.0.0.1:3000").unwrap();
        let headers = command.split(" -H \"").skip(1).map(|rest| {
            let (name, value) = rest.split('"').next().unwrap().split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        let headers = headers.collect();
        examples.push(Example {
            method: if command.starts_with("-X DELETE") {
                "DELETE"
            } else if body.is_some() {
                "POST"
            } else {
                "GET"
            },
            path: url.split_whitespace().next().unwrap().trim_end_matches('"').to_owned(),
            headers,
            body,
            shown: serde_json::from_str(shown).unwrap(),
        });
    }
    examples
}

/// Ids in the README and those of this run.
type Ids = BTreeMap<String, String>;

/// Tells whether `came` is what is shown, but for ids, times and durations.
fn alike(shown: &Value, came: &Value, ids: &mut Ids) -> bool {
    match (shown, came) {
        (Value::Object(shown), Value::Object(came)) => {
            // An escrow's answer is shortened in the README, and says so.
            (shown.len() == came.len() || shown.contains_key("escrowId"))
                && shown.iter().all(|(name, value)| {
                    let varies = ["durationMs", "requestId", "messageId", "traceparent"].contains(&name.as_str());
                    came.get(name).is_some_and(|came| varies || alike(value, came, ids))
                })
        }
        (Value::Array(shown), Value::Array(came)) => {
            shown.len() == came.len() && shown.iter().zip(came).all(|(shown, came)| alike(shown, came, ids))
        }
        (Value::String(shown), Value::String(came))
            if ["job-", "esc_", "ep_", "pi_"].iter().any(|start| shown.starts_with(start)) && shown != "pi_unknown" =>
        {
            ids.entry(shown.clone()).or_insert_with(|| came.clone()) == came
        }
        (Value::String(shown), Value::String(came)) => without_request(shown) == without_request(came),
        (Value::Number(shown), Value::Number(came)) => {
            let is_time = |number: &serde_json::Number| number.as_i64().is_some_and(|ms| ms > 1_700_000_000_000);
            shown == came || (is_time(shown) && is_time(came))
        }
        (shown, came) => shown == came,
    }
}

fn without_request(text: &str) -> &str {
    text.split_once(", request req_").map_or(text, |(before, _)| before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_the_readme_answers_what_is_shown() {
    let arguments = ["dev", "--port", "0", "--rest-port", "0", "--cron-seconds", "1"];
    let stack = Stack::start(StackOptions::parse_from(arguments)).await.unwrap();
    let http = holdfast::outbound::client().unwrap();
    let examples = examples();
    assert!(examples.len() >= 10, "{} examples found", examples.len());
    let mut ids = Ids::new();

    for example in examples {
        let ours = |text: &str| ids.iter().fold(text.to_owned(), |text, (shown, real)| text.replace(shown, real));
        // The README's stack is at its usual port.
        let here = |text: &str| ours(text).replace("http://127.0.0.1:3000", &stack.url().unwrap());
        let (path, body) = (ours(&example.path), example.body.as_deref().map(here));
        let shown = serde_json::from_str(&here(&example.shown.to_string())).unwrap();
        let url = format!("{}{path}", stack.url().unwrap());
        let asked = async {
            // A job takes until the cron's next tick to be done: what is read is asked for again until it is as shown.
            let mut looks = interval(Duration::from_millis(100));
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                let mut call = http.request(example.method.parse().unwrap(), &url);
                for (name, value) in &example.headers {
                    call = call.header(name, value);
                }
                if let Some(body) = &body {
                    call = call.body(body.clone());
                }
                let came: Value = serde_json::from_slice(&call.send().await.unwrap().bytes().await.unwrap()).unwrap();
                if alike(&shown, &came, &mut ids.clone()) {
                    assert!(alike(&shown, &came, &mut ids));
                    return;
                }
                assert!(example.method == "GET", "{} {path}:\nshown {}\ncame  {came}", example.method, example.shown);
            }
        };
        assert!(timeout(Duration::from_secs(20), asked).await.is_ok(), "GET {path} never answered {}", example.shown);
    }
    stack.stop().await;
}

#[tokio::test]
async fn the_variables_of_the_command_line_are_those_that_the_stack_prints() {
    let arguments = ["dev", "--port", "0", "--rest-port", "0", "--no-cron"];
    let stack = Stack::start(StackOptions::parse_from(arguments)).await.unwrap();
    let line =
        include_str!("../../README.md").lines().find(|line| line.starts_with("export KV_REST_API_URL=")).unwrap();

    let here = line.replace("http://127.0.0.1:8079", &stack.rest().url());

    assert!(here.contains(stack.rest().token()), "{here}");
    assert!(stack.welcome().lines().any(|printed| printed.trim() == here), "{here}: {}", stack.welcome());
    stack.stop().await;
}

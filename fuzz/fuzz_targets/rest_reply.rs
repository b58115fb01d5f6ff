//! What stands behind Upstash's address may answer anything: the first character is the status, the rest the body.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use fuzz::choice;
use fuzz::deployment::Deployment;
use fuzz::stand_in::Said;
use holdfast::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);
static ECHO: Script = Script::new("echo", "return ARGV[1]");

const STATUSES: [u16; 7] = [200, 400, 401, 404, 429, 500, 502];

/// Too short for a second try.
const PATIENCE: Patience = Patience { total: Duration::from_millis(24), per_try: Duration::from_millis(24) };

/// What the only result of a list is; nothing where there is no such list. Read without the library's code.
fn only(body: &[u8]) -> Option<Result<Value, String>> {
    let items: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    let [item] = &items[..] else { return None };
    let error: Option<String> = item.get("error").map_or(Some(None), |raw| serde_json::from_str(raw.get()).ok())?;
    match error {
        Some(error) => Some(Err(error)),
        None => serde_json::from_str(item.get("result")?.get()).ok().map(Ok),
    }
}

fn is(reply: &Reply, value: &Value) -> bool {
    match (reply, value) {
        (Reply::Null, Value::Null) => true,
        (Reply::Integer(number), value) => value.as_i64() == Some(*number),
        (Reply::Text(text), Value::String(known)) => text == known,
        (Reply::Array(items), Value::Array(known)) => {
            items.len() == known.len() && items.iter().zip(known).all(|(a, b)| is(a, b))
        }
        _ => false,
    }
}

fuzz_target!(|input: &[u8]| {
    let (first, body) = input.split_at(input.len().min(1));
    let status = STATUSES[choice(&String::from_utf8_lossy(first)).0 % STATUSES.len()];
    let (said, body) = (Said::new(status, body), body.to_vec());
    DEPLOYMENT.says(move |_| said.clone());
    let call = ScriptCall { script: &ECHO, keys: Vec::new(), args: Vec::new() };
    let reply = DEPLOYMENT.run(async |upstash| upstash.run(PATIENCE, &call).await);
    DEPLOYMENT.asked();
    match reply {
        Ok(reply) => {
            assert_eq!(status, 200);
            let Some(Ok(value)) = only(&body) else { panic!("{reply:?} is read out of no result") };
            assert!(is(&reply, &value), "{reply:?} is read out of {value}");
        }
        // On a machine that is busy there may be no time for an answer, or for a connection.
        Err(UpstashError::Unknown(_) | UpstashError::NotSent(_)) => {}
        Err(UpstashError::Refused(_) | UpstashError::Throttled { .. }) => {
            assert!(status != 200 || matches!(only(&body), Some(Err(_))), "status {status}");
        }
    }
});

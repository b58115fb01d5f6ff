//! After the faults: works off what is left. Timers are moved to now, so that nobody waits for a retry that is hours away, and dead letters
//! are brought back, as an operator would.

use std::error::Error;

use fastrand::Rng;
use serde_json::json;

use super::caller::{Ask, Caller};
use super::child::Task;
use super::gather::{FAR_MS, waiting};
use super::world::{PROCESSOR_TOKEN, World};
use crate::clock;

/// Processors that take turns at it.
const FIRST: u64 = 8_000;

/// Most rounds. Chosen: a job that dies is brought back thrice.
const ROUNDS: u64 = 400;

/// Works off what is left; says how many dead letters were brought back.
pub(super) async fn drain(world: &World, caller: &Caller) -> Result<u64, Box<dyn Error>> {
    let (mut redriven, mut times_brought_back) = (0, 0);
    for round in 0..ROUNDS {
        let moved = end_waits(world).await?;
        let mut living = world.spawn(FIRST + round, Task::Process { lives_ms: Some(1) }, 0)?;
        living.process.wait().await?;
        if moved > 0 || ready(world).await? {
            continue;
        }
        if times_brought_back == 3 {
            break;
        }
        times_brought_back += 1;
        let back = redrive(caller).await;
        redriven += back;
        if back == 0 {
            break;
        }
    }
    Ok(redriven)
}

/// Moves every timer that is not far away to now; says how many there were.
async fn end_waits(world: &World) -> Result<usize, Box<dyn Error>> {
    let now = clock::now_ms();
    let script = format!(
        "local due = redis.call('ZRANGEBYSCORE', 'queue:timers', '-inf', '{}') \
         for _, member in ipairs(due) do if string.sub(member, 1, 12) ~= 'dead_letter/' then redis.call('ZADD', 'queue:timers', 'XX', '{now}', member) end end \
         return #due",
        now + FAR_MS
    );
    world.ask(&[vec!["EVAL".to_owned(), script, "0".to_owned()]]).await?;
    Ok(waiting(world).await?.iter().filter(|(_, far)| !far).count())
}

async fn ready(world: &World) -> Result<bool, Box<dyn Error>> {
    let script = "local n = 0 for _, key in ipairs(redis.call('KEYS', 'queue:*')) do \
                  if redis.call('TYPE', key).ok == 'list' and not string.find(key, 'rate') then n = n + redis.call('LLEN', key) end end return n";
    let left = world.ask(&[vec!["EVAL".to_owned(), script.to_owned(), "0".to_owned()]]).await?;
    Ok(left.first().and_then(serde_json::Value::as_i64).unwrap_or_default() > 0)
}

async fn redrive(caller: &Caller) -> u64 {
    let (mut back, mut cursor) = (0, serde_json::Value::Null);
    loop {
        let mut body = json!({ "action": "redrive", "all": true });
        if !cursor.is_null() {
            body["cursor"] = cursor;
        }
        let ask = Ask::post("/api/jobs/dead-letter", PROCESSOR_TOKEN, String::new(), &body);
        let Some((200, answer)) = caller.insist(&mut Rng::with_seed(0), &ask).await else { return back };
        back += answer["done"].as_u64().unwrap_or_default();
        if answer["more"] != true {
            return back;
        }
        cursor = answer["cursor"].clone();
    }
}

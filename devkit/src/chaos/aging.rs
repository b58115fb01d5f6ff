//! Lets what Redis keeps for days expire within minutes, so that a soak of an hour sees every kind of key reach its end.
//!
//! Nothing in the library is told: time passes as it does for jobs, leases and processes. Only the expiry of keys that still have more than
//! [`LEAST`] to live is brought nearer, as if a day or more passed in each minute.

use std::error::Error;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::world::World;

/// What each key is left with. Chosen: longer than any claim, lease or request of the soak is under way.
const LEAST: Duration = Duration::from_mins(1);

/// Keys looked at in one script. Chosen: it holds Redis up for less than half a millisecond.
const STEP: u64 = 100;

/// One step of a pass over all keys. A key may come twice while Redis makes its table larger; it is twice as old then.
const AGE: &str = "local page = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2]) \
                   for _, key in ipairs(page[2]) do \
                     local left, least = redis.call('PTTL', key), tonumber(ARGV[4]) \
                     if left > least then redis.call('PEXPIRE', key, math.max(left - tonumber(ARGV[3]), least)) end \
                   end return page[1]";

/// Goes over all keys once a minute, evenly, until it is dropped.
pub(super) async fn run(world: &World, days_a_minute: u64) -> Result<(), Box<dyn Error>> {
    let older = Duration::from_hours(24 * days_a_minute);
    let started = Instant::now();
    for minute in 0.. {
        let from = started + Duration::from_mins(minute);
        let keys = world.eval("return redis.call('DBSIZE')", &[]).await?.as_u64().unwrap_or(0);
        let steps = u32::try_from(keys / STEP + 1)?;
        let mut cursor = "0".to_owned();
        for step in 0.. {
            sleep_until(from + Duration::from_mins(1) / steps * step).await;
            let next = world.eval(AGE, &[&cursor, &STEP.to_string(), &millis(older), &millis(LEAST)]).await?;
            next.as_str().unwrap_or("0").clone_into(&mut cursor);
            if cursor == "0" {
                break;
            }
        }
        sleep_until(from + Duration::from_mins(1)).await;
    }
    Ok(())
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

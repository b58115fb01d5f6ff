//! What Redis itself can do: plain commands, and a script that only moves ids.

use std::process::Command;
use std::time::Instant;

use crate::Outcome;
use crate::redis::Redis;

/// A hundred ids from one list to another, no document, no lease, no attempt: the least a queue can do.
const MOVE: &str = "redis.call('RPUSH', KEYS[2], unpack(redis.call('LPOP', KEYS[1], '100')))";

/// Calls on their way at once.
const IN_FLIGHT: usize = 8;

/// Pipelined SETs a second, as redis-benchmark finds them.
pub(crate) fn commands_per_second(port: u16) -> Outcome<f64> {
    let arguments = ["-t", "set", "-n", "300000", "-P", "100", "-c", "4", "-d", "100", "-r", "100000", "--csv", "-p"];
    let output = Command::new("redis-benchmark").args(arguments).arg(port.to_string()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find(|line| line.starts_with("\"SET\"")).ok_or("redis-benchmark said no SET")?;
    Ok(line.split(',').nth(1).ok_or("redis-benchmark has another form")?.trim_matches('"').parse()?)
}

/// Ids moved a second, a hundred a call.
pub(crate) fn moves_per_second(redis: &mut Redis, ids: usize) -> Outcome<f64> {
    redis.flush()?;
    let names: Vec<String> = (0..100).map(|n| format!("job-1706234567890-abc123{n:03}")).collect();
    let mut push = vec!["RPUSH", "from"];
    push.extend(names.iter().map(String::as_str));
    for _ in 0..ids / 100 {
        redis.run(&push)?;
    }
    let start = Instant::now();
    let mut under_way = 0;
    for _ in 0..ids / 100 {
        redis.send(&["EVAL", MOVE, "2", "from", "to"])?;
        under_way += 1;
        if under_way == IN_FLIGHT {
            redis.receive()?;
            under_way -= 1;
        }
    }
    for _ in 0..under_way {
        redis.receive()?;
    }
    Ok(crate::stats::count(ids) / start.elapsed().as_secs_f64())
}

/// Puts `count` waiting jobs in the queue, as a producer in another language would: a document and an id each.
pub(crate) fn fill(redis: &mut Redis, count: u64, data: &str, serial: &mut u64) -> Outcome<()> {
    const FILL: &str = "local ids = {}
        for n = 1, tonumber(ARGV[1]) do
          local id = string.format('job-1706234567890-f%08d', ARGV[2] + n)
          redis.call('SET', 'job:' .. id, ARGV[3] .. id .. ARGV[4])
          ids[n] = id
        end
        redis.call('RPUSH', KEYS[1], unpack(ids))";
    let before = r#"{"id":""#;
    let after = format!(
        r#"","type":"audit_log_created","payload":{{"eventData":{data}}},"status":"pending","attemptCount":0,"maxAttempts":3,"lastError":null,"createdAt":1706234567890,"runAt":null,"updatedAt":1706234567890,"completedAt":null,"dedupeKey":null,"traceparent":null,"schemaVersion":1}}"#
    );
    let mut left = count;
    while left > 0 {
        let now = left.min(5_000);
        let (number, from) = (now.to_string(), serial.to_string());
        redis.run(&["EVAL", FILL, "1", "queue:audit_log_created", &number, &from, before, &after])?;
        *serial += now;
        left -= now;
    }
    Ok(())
}

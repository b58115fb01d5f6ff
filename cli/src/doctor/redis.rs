//! Redis: reached, how fast, whether it keeps what is written, whether its clock is ours; and whether a processor works on it.

use std::time::{Duration, Instant};

use holdfast::domain::millis::Millis;
use holdfast::queue::{Probe, Queue};
use holdfast::upstash::UpstashError;

use super::Finding;
use crate::session::Session;
use crate::words::{count, length, seen_from};

/// Probes, of which the middle one is shown: the first also opens the connection.
const PROBES: usize = 5;

/// From here on a call is slow. Chosen: a release makes three calls, and a buyer waits for them.
const SLOW: Duration = Duration::from_millis(100);

/// From here on two clocks differ. Chosen: more than a call and its answer take.
const SKEWED: Duration = Duration::from_secs(5);

/// From here on it breaks something: a partner's library refuses a webhook whose time is five minutes off.
const BROKEN_CLOCK: Duration = Duration::from_mins(1);

/// How old a processor's note may be: it is written every fifth minute.
const STALE: Duration = Duration::from_mins(15);

/// How long a job may have been due.
const LATE: Duration = Duration::from_mins(5);

pub(super) async fn findings(session: &Session) -> Vec<Finding> {
    let Ok(queue) = session.app.queue() else {
        // Which variable is to blame is said already.
        return vec![Finding::problem("Redis", "not looked at: its variables are not right", "mend those first")];
    };
    let mut took = Vec::new();
    let mut last = None;
    for _ in 0..PROBES {
        let (before, started) = (session.now(), Instant::now());
        match queue.probe().await {
            Ok(probe) => {
                took.push(started.elapsed());
                last = Some((probe, before.plus(started.elapsed() / 2)));
            }
            Err(error) => return vec![unreachable(&error)],
        }
    }
    let Some((probe, middle)) = last else { return Vec::new() };
    took.sort_unstable();
    let mut findings = vec![latency(took[PROBES / 2]), kept(&probe), policy(probe.policy.as_deref())];
    findings.extend([clock(middle, probe.now), cron(&probe)]);
    findings.extend(queued(&queue).await);
    findings
}

fn unreachable(error: &UpstashError) -> Finding {
    let cure = match error {
        UpstashError::NotSent(_) => "check KV_REST_API_URL, and status.upstash.com",
        UpstashError::Unknown(_) => "check that KV_REST_API_URL is the REST address, and status.upstash.com",
        UpstashError::Throttled { .. } => "raise the plan's limit at Upstash, or wait as told",
        UpstashError::Refused(said) if said.starts_with("WRONGPASS") => {
            "copy KV_REST_API_TOKEN anew from Upstash's console"
        }
        UpstashError::Refused(said) if said.contains("NOPERM") => "use the token that may write, not the read-only one",
        UpstashError::Refused(_) => "read what Redis says; the store may be another program's",
    };
    Finding::problem("Redis", error.to_string(), cure)
}

fn latency(took: Duration) -> Finding {
    let found = format!("answers in {}", length(took));
    if took < SLOW {
        return Finding::fine("Redis", found);
    }
    Finding::warning("Redis", found, "from the functions it should be a few ms: put them and the store into one region")
}

fn kept(probe: &Probe) -> Finding {
    if probe.keeps {
        return Finding::fine("Redis writes", "what is written can be read");
    }
    Finding::problem("Redis writes", "what was written could not be read", "this is no store for jobs; use another")
}

fn policy(policy: Option<&str>) -> Finding {
    let cure = "see that eviction is off, at Upstash in the database's details";
    match policy {
        Some("noeviction") => Finding::fine("Redis eviction", "off: a full store refuses writes and loses nothing"),
        Some(policy) => Finding::problem("Redis eviction", format!("{policy}: a full store throws jobs away"), cure),
        None => Finding::warning("Redis eviction", "the server does not tell", cure),
    }
}

fn clock(ours: Millis, theirs: Millis) -> Finding {
    let (skew, which) = if ours > theirs { (ours.since(theirs), "ahead of") } else { (theirs.since(ours), "behind") };
    if skew < SKEWED {
        return Finding::fine("clock", format!("within {} of Redis'", length(SKEWED)));
    }
    let found = format!("this machine is {} {which} Redis", length(skew));
    let cure = "set this machine's clock by NTP; where the functions' is off too, webhooks are refused as too old";
    if skew < BROKEN_CLOCK { Finding::warning("clock", found, cure) } else { Finding::problem("clock", found, cure) }
}

fn cron(probe: &Probe) -> Finding {
    let cure = "see that the cron is set up and its calls are answered 200: docs/runbook.md, jobs not processing";
    let Some(at) = probe.last_run else {
        return Finding::problem("processor", "has never been seen: it notes itself every fifth minute", cure);
    };
    let found = format!("was last seen {}", seen_from(probe.now, at));
    if probe.now.since(at) > STALE {
        Finding::problem("processor", found, cure)
    } else {
        Finding::fine("processor", found)
    }
}

async fn queued(queue: &Queue) -> Vec<Finding> {
    let (stats, oldest, control) = match (queue.stats().await, queue.oldest_due().await, queue.control().await) {
        (Ok(stats), Ok(oldest), Ok(control)) => (stats, oldest, control),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return vec![unreachable(&error)],
    };
    let mut findings = vec![match oldest.age {
        Some(age) if age > LATE => {
            let found = format!("has been due for {}", length(age));
            Finding::problem("oldest due job", found, "docs/runbook.md, jobs not processing")
        }
        Some(age) => Finding::fine("oldest due job", format!("has been due for {}", length(age))),
        None => Finding::fine("oldest due job", "none is due"),
    }];
    let dead = usize::try_from(stats.dead_letters).unwrap_or(usize::MAX);
    findings.push(if dead == 0 {
        Finding::fine("dead letters", "none")
    } else {
        Finding::warning("dead letters", count(dead, "dead letter"), "`holdfast dead-letter list` says why they died")
    });
    let paused = control.rules.types.iter().filter(|(_, rules)| rules.paused).map(|(job_type, _)| job_type.as_str());
    let mut paused: Vec<&str> = paused.collect();
    if control.rules.paused {
        paused = vec!["every type"];
    }
    if !paused.is_empty() {
        let found = format!("{} is not claimed", paused.join(", "));
        findings.push(Finding::warning("paused", found, "`holdfast resume` ends it"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_clock_is_fine_within_five_seconds_and_breaks_things_from_a_minute_on() {
        let level = |ours, theirs| clock(Millis(ours), Millis(theirs)).level;
        assert_eq!((level(4_999, 0), level(0, 4_999)), (Level::Fine, Level::Fine));
        assert_eq!((level(5_000, 0), level(0, 59_999)), (Level::Warning, Level::Warning));
        assert_eq!((level(60_000, 0), level(0, 60_000)), (Level::Problem, Level::Problem));
        assert_eq!(clock(Millis(0), Millis(90_000)).found, "this machine is 1 min 30 s behind Redis");
    }

    #[test]
    fn a_store_that_does_not_tell_its_policy_is_to_be_looked_at_by_hand() {
        assert_eq!(policy(None).level, Level::Warning);
        assert_eq!(policy(Some("volatile-lru")).level, Level::Problem);
        assert_eq!(policy(Some("noeviction")).level, Level::Fine);
    }
}

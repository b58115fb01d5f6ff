//! Who held which job when, read from what Redis wrote; and how long a killed process' jobs waited for another.

use std::collections::{BTreeMap, BTreeSet};

use super::aof::Written;
use super::evidence::Kill;

/// The file's marks are seconds, and Redis' clock stands still during a script.
const BLUR_MS: i64 = 1_500;

/// Who holds a job.
#[derive(Clone, Debug)]
struct Holder {
    claim: String,
    ends_ms: i64,
}

/// What the leases show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// Claims of jobs.
    pub claims: usize,
    /// Leases that lapsed.
    pub lapsed: usize,
    /// Jobs that were taken from a claim whose lease still ran.
    pub robbed: Vec<String>,
    /// For each kill of a process that held jobs: how long until the last of them was claimed again or ended, in s.
    pub recovered_s: Vec<i64>,
    /// Kills of processes that held nothing.
    pub empty_handed: usize,
}

/// Reads the leases until `until` (s since 1970); ids of a process are its number times `ids` and more.
pub fn read(written: &[Written], until: i64, kills: &[Kill], ids: u64) -> Leases {
    let mut leases = Leases::default();
    let mut held: BTreeMap<String, Holder> = BTreeMap::new();
    let mut of_killed: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let mut waits: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut ends: Vec<(i64, i64)> = Vec::new();
    let mut kills: Vec<Kill> = kills.to_vec();
    kills.sort_by_key(|kill| kill.at_ms);
    let mut due = kills.iter().peekable();
    for step in written {
        while let Some(kill) = due.next_if(|kill| kill.at_ms / 1_000 < step.second) {
            let left = of_killed.get(&kill.number).map(|jobs| {
                jobs.iter()
                    .filter(|id| held.get(*id).is_some_and(|holder| maker(&holder.claim, ids) == Some(kill.number)))
            });
            let left: Vec<String> = left.into_iter().flatten().cloned().collect();
            if left.is_empty() {
                leases.empty_handed += 1;
                continue;
            }
            ends.push((kill.at_ms / 1_000, 0));
            for id in left {
                waits.entry(id).or_default().push(ends.len() - 1);
            }
        }
        let in_drain = step.second >= until;
        let sweeping = step.commands.iter().any(|command| command.iter().any(|word| word.ends_with(":lapsed")));
        let mut recovered = |id: &str| {
            for kill in waits.remove(id).into_iter().flatten() {
                ends[kill].1 = ends[kill].1.max(step.second);
            }
        };
        for command in &step.commands {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["HSET", "queue:attempts", pairs @ ..] => {
                    for pair in pairs.chunks_exact(2) {
                        let (id, claim) = (pair[0], pair[1].split_once(' ').map(|(_, claim)| claim));
                        let before = held.remove(id);
                        let still_ran =
                            before.as_ref().is_some_and(|holder| holder.ends_ms > step.second * 1_000 + BLUR_MS);
                        if still_ran && !in_drain && (claim.is_some() || sweeping) {
                            leases.robbed.push(id.to_owned());
                        }
                        match claim {
                            Some(claim) => {
                                recovered(id);
                                leases.claims += 1;
                                held.insert(id.to_owned(), Holder { claim: claim.to_owned(), ends_ms: 0 });
                                if let Some(number) = maker(claim, ids) {
                                    of_killed.entry(number).or_default().insert(id.to_owned());
                                }
                            }
                            None if sweeping && before.is_some() => leases.lapsed += 1,
                            // A settled job is out of the killed process' hands, unless it was swept.
                            None => recovered(id),
                        }
                    }
                }
                ["HDEL", "queue:attempts", gone @ ..] => {
                    for id in gone {
                        held.remove(*id);
                        recovered(id);
                    }
                }
                ["ZADD", "queue:timers", pairs @ ..] => {
                    for pair in pairs.chunks_exact(2) {
                        let id = pair[1].split_once('/').map_or(pair[1], |(_, id)| id);
                        if let (Some(holder), Ok(ends_ms)) = (held.get_mut(id), pair[0].parse()) {
                            holder.ends_ms = ends_ms;
                        }
                    }
                }
                _ => {}
            }
        }
    }
    leases.empty_handed += due.count();
    leases.recovered_s = ends.into_iter().filter(|(_, end)| *end > 0).map(|(from, end)| end - from).collect();
    leases.recovered_s.sort_unstable();
    leases
}

/// Which process made a claim: its id is a number that counts on from the process'.
fn maker(claim: &str, ids: u64) -> Option<u64> {
    claim.parse::<u64>().ok().map(|number| number / ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(second: i64, commands: &[&str]) -> Written {
        let words = |command: &&str| command.split('|').map(str::to_owned).collect();
        Written { second, commands: commands.iter().map(words).collect() }
    }

    fn claimed(second: i64, claim: &str, ends_ms: i64) -> Written {
        step(
            second,
            &[
                &format!("HSET|queue:attempts|job-1|1 {claim}"),
                &format!("ZADD|queue:timers|{ends_ms}|audit_log_created/job-1"),
            ],
        )
    }

    #[test]
    fn a_job_taken_while_its_lease_runs_is_noticed() {
        let planted = [claimed(10, "000000100001", 21_000), claimed(15, "000000200001", 26_000)];
        assert_eq!(read(&planted, 100, &[], 100_000).robbed, ["job-1"]);

        let swept = step(15, &["HSET|queue:attempts|job-1|1", "HINCRBY|stats:counters|audit_log_created:lapsed|1"]);
        assert_eq!(read(&[claimed(10, "000000100001", 21_000), swept], 100, &[], 100_000).robbed, ["job-1"]);
    }

    #[test]
    fn a_lapsed_lease_and_a_settled_job_are_no_robbery() {
        let lapsed = step(22, &["HSET|queue:attempts|job-1|1", "HINCRBY|stats:counters|audit_log_created:lapsed|1"]);
        let kill = [Kill { number: 1, at_ms: 11_000 }];
        let steps = [claimed(10, "000000100001", 21_000), lapsed, claimed(23, "000000200001", 34_000)];
        let leases = read(&steps, 100, &kill, 100_000);
        assert_eq!((leases.robbed.len(), leases.lapsed, leases.recovered_s.as_slice()), (0, 1, [12].as_slice()));

        let retried = step(12, &["SET|job:job-1|{}", "HSET|queue:attempts|job-1|1"]);
        let steps = [claimed(10, "000000100001", 21_000), retried, claimed(14, "000000200001", 26_000)];
        assert_eq!(read(&steps, 100, &[], 100_000).robbed.len(), 0);
    }
}

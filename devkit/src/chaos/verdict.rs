//! The checker: what was promised, held against the evidence.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::evidence::{Accepted, Effect, EscrowEnd, Evidence, Moved};
use super::leases::Leases;

/// One promise, and what broke it.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is counted, such as "jobs lost".
    pub name: &'static str,
    /// What broke the promise.
    pub broken: Vec<String>,
}

/// Holds every promise against the evidence.
pub fn check(evidence: &Evidence, leases: &Leases) -> Vec<Check> {
    vec![
        Check { name: "jobs lost", broken: lost(evidence) },
        Check { name: "jobs accepted under two ids", broken: two_ids(evidence) },
        Check { name: "jobs that neither ended nor wait for their day", broken: unended(evidence) },
        Check { name: "dead letters without a reason", broken: unreasoned(evidence) },
        Check { name: "cancelled jobs that ran", broken: ran_though_cancelled(evidence) },
        Check { name: "runs under two valid leases", broken: leases.robbed.clone() },
        Check { name: "completed jobs without their effect", broken: without_effect(evidence) },
        Check { name: "mails delivered twice", broken: mails_twice(evidence) },
        Check { name: "webhooks whose id changed or whose signature was wrong", broken: changed_ids(evidence) },
        Check { name: "audit records written twice", broken: twice(&evidence.record_jobs) },
        Check { name: "escrows left under way", broken: under_way(evidence) },
        Check { name: "escrows captured not exactly once, or not as Stripe has it", broken: captures(evidence) },
        Check { name: "escrows whose amounts do not add up", broken: amounts(evidence) },
        Check { name: "captures at Stripe that no escrow knows of", broken: orphans(evidence) },
    ]
}

/// How many accepted jobs Redis lost with a second it lost. They are named, and are no broken promise of ours.
pub fn lost_with_a_second(evidence: &Evidence) -> Vec<String> {
    let gone =
        |accepted: &&Accepted| !evidence.jobs.contains_key(&accepted.id) && in_lost_second(evidence, &accepted.id);
    evidence.accepted.iter().filter(gone).map(|accepted| accepted.id.clone()).collect()
}

/// How many escrows differ from Stripe and were written in a second that Redis lost.
pub fn escrows_set_back(evidence: &Evidence) -> Vec<String> {
    let differs = |(id, end): &(&String, &EscrowEnd)| {
        in_lost_key(evidence, &format!("escrow:{id}"))
            && (is_under_way(&end.state) || !agrees(end, &moved(evidence, end)))
    };
    evidence.escrows.iter().filter(differs).map(|(id, end)| format!("{id}: {}", end.state)).collect()
}

fn in_lost_key(evidence: &Evidence, key: &str) -> bool {
    evidence.lost_keys.contains(key)
}

fn in_lost_second(evidence: &Evidence, id: &str) -> bool {
    in_lost_key(evidence, &format!("job:{id}"))
}

/// Every job that Redis was ever given, and every one a producer was told of, is there.
fn lost(evidence: &Evidence) -> Vec<String> {
    let mut known: BTreeSet<String> = evidence.accepted.iter().map(|accepted| accepted.id.clone()).collect();
    for command in evidence.written.iter().flat_map(|step| &step.commands) {
        let keys: Vec<&String> = match command[0].to_ascii_uppercase().as_str() {
            "SET" => command.get(1).into_iter().collect(),
            "MSET" => command[1..].iter().step_by(2).collect(),
            _ => continue,
        };
        known.extend(keys.iter().filter_map(|key| key.strip_prefix("job:").map(str::to_owned)));
    }
    known.retain(|id| !evidence.jobs.contains_key(id) && !in_lost_second(evidence, id));
    known.into_iter().collect()
}

fn two_ids(evidence: &Evidence) -> Vec<String> {
    let mut ids: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for accepted in evidence.accepted.iter().filter(|accepted| !in_lost_second(evidence, &accepted.id)) {
        ids.entry(accepted.mark).or_default().insert(&accepted.id);
    }
    ids.into_iter().filter(|(_, ids)| ids.len() > 1).map(|(mark, ids)| format!("{mark}: {ids:?}")).collect()
}

fn unended(evidence: &Evidence) -> Vec<String> {
    let ended = ["completed", "dead_letter", "cancelled"];
    let open = evidence.jobs.iter().filter(|(id, job)| {
        !ended.contains(&job.status.as_str()) && !evidence.waiting.contains(*id) && !in_lost_second(evidence, id)
    });
    open.map(|(id, job)| format!("{id}: {}", job.status)).collect()
}

fn unreasoned(evidence: &Evidence) -> Vec<String> {
    let silent = evidence
        .jobs
        .iter()
        .filter(|(_, job)| job.status == "dead_letter" && job.last_error.as_ref().is_none_or(String::is_empty));
    silent.map(|(id, _)| id.clone()).collect()
}

fn ran_though_cancelled(evidence: &Evidence) -> Vec<String> {
    let cancelled = evidence.accepted.iter().filter(|accepted| accepted.cancelled);
    let ran = cancelled.filter(|accepted| {
        !in_lost_second(evidence, &accepted.id)
            && evidence.jobs.get(&accepted.id).is_some_and(|job| job.status != "cancelled")
    });
    ran.map(|accepted| accepted.id.clone()).collect()
}

fn without_effect(evidence: &Evidence) -> Vec<String> {
    let mails: BTreeSet<&str> = evidence.mails.iter().map(|mail| mail.to.as_str()).collect();
    let hooks: BTreeSet<String> =
        evidence.hooks.iter().filter(|hook| hook.taken).filter_map(|hook| subject(&hook.body)).collect();
    let records: BTreeSet<usize> = evidence.records.iter().copied().collect();
    let done = |accepted: &Accepted| {
        let mark = accepted.mark;
        match accepted.effect {
            Effect::Mail => mails.contains(format!("m{mark}@example.com").as_str()),
            Effect::Webhook => hooks.contains(&format!("chaos-{mark}")),
            Effect::Record => records.contains(&mark) || in_lost_key(evidence, "audit"),
            Effect::Never => true,
        }
    };
    let completed = evidence.accepted.iter().filter(|accepted| {
        evidence.jobs.get(&accepted.id).is_some_and(|job| job.status == "completed") && !done(accepted)
    });
    completed.map(|accepted| format!("{}: {:?}", accepted.id, accepted.effect)).collect()
}

/// The escrow a webhook tells of.
fn subject(body: &str) -> Option<String> {
    let event: Value = serde_json::from_str(body).ok()?;
    event["data"]["escrowId"].as_str().map(str::to_owned)
}

/// A mail is the same where address and subject are; it has one key, and the provider took it once.
fn mails_twice(evidence: &Evidence) -> Vec<String> {
    let marked = evidence.mails.iter().filter(|mail| mail.to.starts_with('m') || mail.to.starts_with("other-m"));
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for mail in marked {
        *seen.entry((&mail.to, &mail.subject)).or_default() += 1;
    }
    // A job whose acceptance Redis lost is enqueued again by its producer, under another id.
    let forgiven = |to: &str| evidence.lost_seconds > 0 && of_lost_job(evidence, to);
    let mut twice: Vec<String> = seen
        .into_iter()
        .filter(|((to, _), times)| *times > 1 && !forgiven(to))
        .map(|((to, _), times)| format!("{to}: {times}"))
        .collect();
    twice.extend(twice_keys(evidence));
    twice
}

fn of_lost_job(evidence: &Evidence, to: &str) -> bool {
    let mark = to.trim_start_matches("other-").trim_start_matches('m').trim_end_matches("@example.com");
    let mark = mark.parse::<usize>().ok();
    evidence.accepted.iter().any(|accepted| Some(accepted.mark) == mark && in_lost_second(evidence, &accepted.id))
}

fn twice_keys(evidence: &Evidence) -> Vec<String> {
    twice(&evidence.mails.iter().map(|mail| format!("{} {}", mail.key, mail.to)).collect::<Vec<_>>())
}

fn twice(all: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    all.iter().filter(|one| !seen.insert(one.as_str())).cloned().collect()
}

/// One event has one id, and one id has one event.
fn changed_ids(evidence: &Evidence) -> Vec<String> {
    let (mut ids, mut bodies) = (BTreeMap::<&str, BTreeSet<&str>>::new(), BTreeMap::<&str, BTreeSet<&str>>::new());
    for hook in &evidence.hooks {
        ids.entry(&hook.body).or_default().insert(&hook.id);
        bodies.entry(&hook.id).or_default().insert(&hook.body);
    }
    let lost = |ids: &BTreeSet<&str>| ids.iter().any(|id| in_lost_second(evidence, id));
    let mut broken: Vec<String> =
        evidence.hooks.iter().filter(|hook| !hook.verified).map(|hook| hook.id.clone()).collect();
    broken.extend(ids.values().filter(|ids| ids.len() > 1 && !lost(ids)).map(|ids| format!("one event, ids {ids:?}")));
    broken.extend(
        bodies.iter().filter(|(_, bodies)| bodies.len() > 1).map(|(id, _)| format!("{id} with several bodies")),
    );
    broken
}

fn is_under_way(state: &str) -> bool {
    state.ends_with("ing")
}

fn under_way(evidence: &Evidence) -> Vec<String> {
    let left = evidence
        .escrows
        .iter()
        .filter(|(id, end)| is_under_way(&end.state) && !in_lost_key(evidence, &format!("escrow:{id}")));
    left.map(|(id, end)| format!("{id}: {}", end.state)).collect()
}

fn moved(evidence: &Evidence, end: &EscrowEnd) -> Moved {
    evidence.payments.get(&end.payment).copied().unwrap_or_default()
}

/// Whether state and amounts are what Stripe did.
fn agrees(end: &EscrowEnd, moved: &Moved) -> bool {
    let [held, released, refunded, _] = end.amounts;
    let at_sellers = moved.captured - moved.refunded;
    match end.state.as_str() {
        "released" => moved.captures == 1 && moved.captured == held && released == held && moved.refunded == 0,
        "partially_refunded" => moved.captures == 1 && released == at_sellers && refunded == held - at_sellers,
        "refunded" if moved.captures == 0 => moved.cancels == 1 && refunded == held,
        "refunded" => moved.captures == 1 && at_sellers == 0 && refunded == held,
        "authorized" | "disputed" | "created" | "cancelled" | "expired" => moved.captures == 0,
        _ => false,
    }
}

fn captures(evidence: &Evidence) -> Vec<String> {
    let differs = evidence.escrows.iter().filter(|(id, end)| {
        let moved = moved(evidence, end);
        let set_back = in_lost_key(evidence, &format!("escrow:{id}"));
        moved.captures > 1 || (!set_back && !is_under_way(&end.state) && !agrees(end, &moved))
    });
    differs.map(|(id, end)| format!("{id}: {} {:?} {:?}", end.state, end.amounts, moved(evidence, end))).collect()
}

fn amounts(evidence: &Evidence) -> Vec<String> {
    let wrong = evidence.escrows.iter().filter(|(_, end)| {
        let [held, released, refunded, remaining] = end.amounts;
        held != released + refunded + remaining || [held, released, refunded, remaining].iter().any(|part| *part < 0)
    });
    wrong.map(|(id, end)| format!("{id}: {:?}", end.amounts)).collect()
}

fn orphans(evidence: &Evidence) -> Vec<String> {
    let known: BTreeSet<&str> = evidence.escrows.values().map(|end| end.payment.as_str()).collect();
    let captured = evidence.payments.iter().filter(|(id, moved)| moved.captures > 0 && !known.contains(id.as_str()));
    let unknown: Vec<String> = captured.map(|(id, _)| id.clone()).collect();
    if evidence.lost_seconds > 0 { Vec::new() } else { unknown }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;

use super::*;
use crate::chaos::aof::Written;
use crate::chaos::evidence::{HookSeen, JobEnd, MailSeen};

/// Evidence in which all is well: a job of each sort, and a released escrow.
fn well() -> Evidence {
    let accepted = |mark, effect| Accepted { id: format!("job-{mark}"), mark, effect, due_ms: 0, cancelled: false };
    let completed = JobEnd { status: "completed".into(), last_error: None };
    let mut evidence = Evidence {
        accepted: vec![accepted(1, Effect::Mail), accepted(2, Effect::Webhook), accepted(3, Effect::Record)],
        mails: vec![MailSeen { to: "m1@example.com".into(), key: "job-1".into(), subject: "Paid".into() }],
        records: vec![3],
        record_jobs: vec!["job-3".into()],
        ..Evidence::default()
    };
    evidence.jobs = (1..=3).map(|mark| (format!("job-{mark}"), completed.clone())).collect();
    evidence.hooks = vec![hook("job-2", 500), hook("job-2", 200)];
    let end = EscrowEnd { state: "released".into(), payment: "pi_1".into(), amounts: [100, 100, 0, 0] };
    evidence.escrows.insert("esc_1".into(), end);
    evidence.payments.insert("pi_1".into(), Moved { captures: 1, captured: 100, refunded: 0, cancels: 0 });
    evidence
}

fn hook(id: &str, answered: u16) -> HookSeen {
    let body = r#"{"data":{"escrowId":"chaos-2"}}"#.to_owned();
    HookSeen { id: id.into(), body, verified: true, taken: answered == 200 }
}

fn broken(evidence: &Evidence) -> Vec<&'static str> {
    let all = check(evidence, &Leases::default());
    all.into_iter().filter(|check| !check.broken.is_empty()).map(|check| check.name).collect()
}

#[test]
fn what_is_well_is_found_well() {
    assert_eq!(broken(&well()), [""; 0]);
}

#[test]
fn each_planted_fault_is_found() {
    type Plant = fn(&mut Evidence);
    let planted: [(&str, Plant); 15] = [
        ("jobs lost", |evidence| drop(evidence.jobs.remove("job-1"))),
        ("jobs lost", |evidence| {
            let commands = vec![["SET", "job:job-9", "{}"].map(str::to_owned).to_vec()];
            evidence.written = vec![Written { second: 1, commands }];
        }),
        ("jobs accepted under two ids", |evidence| {
            evidence.accepted[1].mark = 1;
            evidence.accepted[1].effect = Effect::Mail;
        }),
        ("jobs that neither ended nor wait for their day", |evidence| set_status(evidence, "pending")),
        ("dead letters without a reason", |evidence| set_status(evidence, "dead_letter")),
        ("cancelled jobs that ran", |evidence| evidence.accepted[0].cancelled = true),
        ("completed jobs without their effect", |evidence| evidence.mails.clear()),
        ("completed jobs without their effect", |evidence| evidence.hooks.truncate(1)),
        ("mails delivered twice", |evidence| {
            let again = MailSeen { key: "another".into(), ..evidence.mails[0].clone() };
            evidence.mails.push(again);
        }),
        ("webhooks whose id changed or whose signature was wrong", |evidence| {
            evidence.hooks[1].id = "job-2-again".into();
        }),
        ("webhooks whose id changed or whose signature was wrong", |evidence| evidence.hooks[0].verified = false),
        ("audit records written twice", |evidence| evidence.record_jobs.push("job-3".into())),
        ("escrows left under way", |evidence| set_state(evidence, "releasing")),
        ("escrows captured not exactly once, or not as Stripe has it", |evidence| {
            if let Some(moved) = evidence.payments.get_mut("pi_1") {
                moved.captures = 2;
            }
        }),
        ("escrows captured not exactly once, or not as Stripe has it", |evidence| set_state(evidence, "refunded")),
    ];
    for (name, plant) in planted {
        let mut evidence = well();
        plant(&mut evidence);
        assert_eq!(broken(&evidence), [name]);
    }
}

#[test]
fn amounts_that_do_not_add_up_and_captures_of_nobody_are_found() {
    let mut evidence = well();
    evidence.escrows.get_mut("esc_1").unwrap().amounts[3] = 1;
    assert_eq!(broken(&evidence), ["escrows whose amounts do not add up"]);
    let mut evidence = well();
    evidence.payments.insert("pi_2".into(), Moved { captures: 1, ..Moved::default() });
    assert_eq!(broken(&evidence), ["captures at Stripe that no escrow knows of"]);
}

#[test]
fn what_was_written_in_a_lost_second_is_reported_and_nothing_else_is_forgiven() {
    let mut evidence = well();
    evidence.lost_seconds = 1;
    evidence.jobs.clear();
    evidence.lost_keys.insert("job:job-1".into());
    assert_eq!(broken(&evidence), ["jobs lost"]);
    assert_eq!(check(&evidence, &Leases::default())[0].broken, ["job-2", "job-3"]);
    assert_eq!(lost_with_a_second(&evidence), ["job-1"]);
    set_state(&mut evidence, "authorized");
    assert_eq!(escrows_set_back(&evidence), [""; 0]);
    evidence.lost_keys.insert("escrow:esc_1".into());
    assert_eq!(escrows_set_back(&evidence), ["esc_1: authorized"]);
}

fn set_status(evidence: &mut Evidence, status: &str) {
    if let Some(job) = evidence.jobs.get_mut("job-1") {
        job.status = status.to_owned();
    }
}

fn set_state(evidence: &mut Evidence, state: &str) {
    if let Some(end) = evidence.escrows.get_mut("esc_1") {
        end.state = state.to_owned();
    }
}

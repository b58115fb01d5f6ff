//! The audit log, on a real Redis: one record a job, one chain, and every bend in it found.

use devkit::rest::Fault;
use holdfast::domain::id::JobId;
use holdfast::edge::Clock;
use holdfast::upstash::keys::Keys;
use holdfast::workers::audit::{AuditLog, Break, KEEP_JOB, Verified};
use serde_json::json;
use serde_json::value::RawValue;

use crate::bench::{Bench, START};

fn log(t: &Bench) -> AuditLog {
    AuditLog::new(t.upstash(), Keys::new(&t.prefix), Clock::fixed(START))
}

async fn append(log: &AuditLog, id: &str, event: &str) {
    let event = RawValue::from_string(event.to_owned()).unwrap();
    log.append(&JobId::parse(id).unwrap(), &event).await.unwrap();
}

async fn records(log: &AuditLog) -> u64 {
    match log.verify().await.unwrap() {
        Verified::Intact { records, .. } => records,
        broken @ Verified::Broken { .. } => panic!("{broken:?}"),
    }
}

async fn stream_ids(t: &Bench) -> Vec<String> {
    let stream = t.at("audit").await;
    let ids = stream.as_array().unwrap().iter().map(|entry| entry[0].as_str().unwrap().to_owned());
    ids.collect()
}

#[tokio::test]
async fn a_record_holds_the_event_as_it_came_bound_to_the_one_before() {
    let t = Bench::new().await;
    let log = log(&t);
    let event = r#"{"big":123456789012345678901234567890,"float":1.10,"none":[],"text":"ä\u0000😀\n"}"#;

    append(&log, "job-1", event).await;
    append(&log, "job-2", "{}").await;

    let state = t.state().await;
    let first: Vec<&str> = state["audit"][0][1].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    let hash = first[9];
    let zeros = "0".repeat(64);
    assert_eq!(first, ["time", "1800000000000", "job_id", "job-1", "event", event, "previous", &zeros, "hash", hash]);
    assert_eq!(state["audit"][1][1][7], hash);
    assert_eq!(state["audit:head"], state["audit"][1][1][9]);
    assert_eq!(state["audit:job:job-1"], state["audit"][0][0]);
    assert_eq!(state.len(), 4, "{state:?}");
    assert!((1..=i64::try_from(KEEP_JOB.as_millis()).unwrap()).contains(&t.ttl("audit:job:job-1").await));
    assert_eq!(records(&log).await, 2);
}

#[tokio::test]
async fn a_job_that_runs_again_writes_no_second_record() {
    let t = Bench::new().await;
    let log = log(&t);
    append(&log, "job-1", "{}").await;
    append(&log, "job-1", "{}").await;
    append(&log, "job-2", "{}").await;
    append(&self::log(&t), "job-1", "{}").await;
    assert_eq!(records(&log).await, 2);
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_writes_one_record() {
    for fault in [Fault::ReplyLost, Fault::ReplyCut, Fault::StatusAfter(502)] {
        let t = Bench::new().await;
        let log = log(&t);
        append(&log, "job-1", "{}").await;
        t.fault(fault);

        append(&log, "job-2", "{}").await;
        append(&log, "job-3", "{}").await;

        assert_eq!(records(&log).await, 3, "{fault:?}");
    }
}

#[tokio::test]
async fn several_processes_write_one_chain() {
    let t = Bench::new().await;
    let logs = [log(&t), log(&t), log(&t)];
    let mut tasks = tokio::task::JoinSet::new();
    for (number, log) in logs.iter().enumerate() {
        for job in 0..20 {
            let log = log.clone();
            tasks.spawn(async move {
                let id = JobId::parse(format!("job-{number}-{job}")).unwrap();
                let event = RawValue::from_string("{}".to_owned()).unwrap();
                // Who loses eight races in a row is told to come again; the queue sees to it.
                while log.append(&id, &event).await.is_err() {}
            });
        }
    }
    tasks.join_all().await;

    assert_eq!(records(&logs[0]).await, 60);
}

#[tokio::test]
async fn a_process_that_knows_the_head_appends_in_one_call() {
    let t = Bench::new().await;
    let log = log(&t);
    append(&log, "job-1", "{}").await;
    let before = t.rest.faults().seen();
    for job in 2..12 {
        append(&log, &format!("job-{job}"), "{}").await;
    }
    assert_eq!(t.rest.faults().seen() - before, 10);
}

#[tokio::test]
async fn a_log_of_several_pages_is_walked_to_its_end() {
    let t = Bench::new().await;
    let log = log(&t);
    for job in 0..200 {
        append(&log, &format!("job-{job}"), "{}").await;
    }
    assert_eq!(records(&log).await, 200);
    append(&log, "job-200", "{}").await;
    assert_eq!(records(&log).await, 201);
}

#[tokio::test]
async fn a_record_removed_forged_or_cut_off_is_named() {
    let broken = |stream_id: &str, intact, reason| Verified::Broken { stream_id: stream_id.into(), intact, reason };
    let t = Bench::new().await;
    let log = log(&t);
    assert_eq!(records(&log).await, 0);
    for job in 1..=4 {
        append(&log, &format!("job-{job}"), "{}").await;
    }
    let (stream, ids) = (format!("{}audit", t.prefix), stream_ids(&t).await);

    t.redis(&["XDEL", &stream, &ids[3]]).await;
    assert_eq!(log.verify().await.unwrap(), broken(&ids[2], 3, Break::Head));
    t.redis(&["XDEL", &stream, &ids[1]]).await;
    assert_eq!(log.verify().await.unwrap(), broken(&ids[2], 1, Break::Predecessor));

    let forged = t.redis(&["XADD", &stream, "*", "event", "{}"]).await;
    t.redis(&["XDEL", &stream, &ids[2]]).await;
    assert_eq!(log.verify().await.unwrap(), broken(forged.as_str().unwrap(), 1, Break::Field));
    assert_eq!(t.at("audit:head").await.as_str().unwrap().len(), 64);
    assert_ne!(t.at("audit").await, json!([]));
}

//! The audit log, on a real Redis: one record a job, one chain, and every bend in it found.

use std::time::Duration;

use devkit::rest::Fault;
use devkit::serve::{Served, serve};
use devkit::webhooks::{Reply, WebhookSink};
use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use holdfast::domain::outcome::{FailureKind, Outcome};
use holdfast::edge::Clock;
use holdfast::upstash::keys::Keys;
use holdfast::workers::audit::{AuditLog, Break, KEEP_JOB, Verified};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::bench::{Bench, START};
use crate::workers_bench::WorkersBench;

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

const EVENT: &str = r#"{"eventData":{"action":"release","n":1.10}}"#;

/// A server that stands where Supabase would, and the workers that write rows there. What a row becomes, `checks/supabase` sees.
async fn with_supabase(key: &str) -> (WorkersBench, WebhookSink, Served) {
    let sink = WebhookSink::new(crate::workers_bench::SECRET);
    let served = serve(sink.router()).await.unwrap();
    let set = [("SUPABASE_URL", served.url()), ("SUPABASE_SERVICE_ROLE_KEY", key.to_owned())];
    let set = set.each_ref().map(|(name, value)| (*name, value.as_str()));
    (WorkersBench::with(&set).await, sink, served)
}

fn rows(sink: &WebhookSink) -> Vec<Value> {
    sink.received().iter().map(|one| serde_json::from_str(&one.body).unwrap()).collect()
}

#[tokio::test]
async fn with_supabase_a_record_is_a_row_too_with_its_place_in_the_chain() {
    for key in ["sb_secret_1", "eyJhbGciOiJIUzI1NiJ9.e30.x"] {
        let (t, sink, _served) = with_supabase(key).await;
        let answers = Reply::Status { status: 201, retry_after_secs: None };
        sink.replies().next(2, answers);

        assert_eq!(t.run("job-1", JobType::AuditLogCreated, EVENT).await, Outcome::Completed);
        assert_eq!(t.run("job-1", JobType::AuditLogCreated, EVENT).await, Outcome::Completed);

        let stream = t.bench.at("audit").await;
        let record = &stream[0][1];
        let expected = json!({"job_id": "job-1", "stream_id": stream[0][0], "time_ms": record[1], "event": r#"{"action":"release","n":1.10}"#,
            "previous": "0".repeat(64), "hash": record[9]});
        assert_eq!(rows(&sink), [expected.clone(), expected], "the same row, whichever run wrote the record");
        let one = sink.received().remove(0);
        assert_eq!(one.path, "/rest/v1/audit_log");
        let header = |name: &str| one.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        assert_eq!(header("apikey").as_deref(), Some(key));
        let bearer = (!key.starts_with("sb_")).then(|| format!("Bearer {key}"));
        assert_eq!(header("authorization"), bearer);
        assert_eq!(header("prefer").as_deref(), Some("resolution=ignore-duplicates,return=minimal"));
    }
}

#[tokio::test]
async fn a_row_that_supabase_did_not_take_is_tried_again_and_the_record_stays_one() {
    let (t, sink, _served) = with_supabase("sb_secret_1").await;
    sink.replies().next(1, Reply::Status { status: 503, retry_after_secs: Some(7) });
    sink.replies().next(1, Reply::Status { status: 201, retry_after_secs: None });

    let first = t.fail("job-1", JobType::AuditLogCreated, EVENT).await;
    let second = t.run("job-1", JobType::AuditLogCreated, EVENT).await;

    assert_eq!((first.kind, first.retry_after), (FailureKind::Unavailable, Some(Duration::from_secs(7))));
    assert_eq!(second, Outcome::Completed);
    assert_eq!(t.bench.at("audit").await.as_array().unwrap().len(), 1);
    let refused = t.fail("job-2", JobType::AuditLogCreated, EVENT).await;
    assert_eq!(refused.message, "Supabase refused the key in SUPABASE_SERVICE_ROLE_KEY: status 401");

    let t = WorkersBench::with(&[("SUPABASE_URL", "https://x.supabase.co")]).await;
    let missing = t.fail("job-1", JobType::AuditLogCreated, EVENT).await;
    assert_eq!(missing.message, "the variable SUPABASE_SERVICE_ROLE_KEY is not set");
}

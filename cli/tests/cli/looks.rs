//! What is only looked at.

use std::process::Stdio;

use holdfast::domain::job::JobType;
use serde_json::json;

use crate::bench::{AGE_TEXT, AUDIT, Bench, rejected};

#[tokio::test]
async fn statistics_are_a_table_with_what_is_set_beside_each_type() {
    let t = Bench::new().await;
    t.plant("job-1", JobType::AuditLogCreated, AUDIT).await;
    t.run(&["limit", "send_refund_email", "--rate", "10/1s"]).await.text();
    t.run(&["pause", "stripe_capture_payment"]).await.text();

    let ran = t.run(&["stats"]).await;

    assert_eq!(
        ran.text(),
        "\
TYPE                           READY  PROCESSING  COMPLETED  RETRIED  DEAD  SET
send_release_email                 0           0          0        0     0
send_refund_email                  0           0          0        0     0  10 in 1 s
send_dispute_email                 0           0          0        0     0
send_payment_confirmed_email       0           0          0        0     0
stripe_capture_payment             0           0          0        0     0  paused
stripe_refund_payment              0           0          0        0     0
webhook_escrow_status_changed      0           0          0        0     0
notify_dispute_resolved            0           0          0        0     0
audit_log_created                  3           0          0        0     0

waiting for their time   0
dead letters             0
oldest job has been due  for 2 h 30 min
"
    );
}

#[tokio::test]
async fn statistics_as_json_have_the_names_of_the_route() {
    let t = Bench::new().await;
    t.plant("job-1", JobType::AuditLogCreated, AUDIT).await;
    let seen = t.run(&["--json", "stats"]).await.json();
    assert_eq!((&seen["audit_log_created"], &seen["dead_letter"]), (&json!(1), &json!(0)));
    assert_eq!(seen["counters"]["audit_log_created:enqueued"], 1);
    assert!(seen["oldestDueAgeMs"].as_u64().unwrap() > 9_000_000);
}

#[tokio::test]
async fn watching_goes_on_until_nobody_reads() {
    let t = Bench::new().await;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(["--json", "stats", "--watch", "1"]).env_clear().envs(&t.variables);
    let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stdout.take().unwrap()));
    for _ in 0..2 {
        let line: serde_json::Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(line["dead_letter"], 0);
    }
    drop(lines);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_job_is_shown_with_ages_and_its_payload_as_it_was_written() {
    let t = Bench::new().await;
    let payload = r#"{"eventData":{"big":123456789012345678901234567890,"none":[]}}"#;
    t.plant("job-1", JobType::AuditLogCreated, payload).await;

    let ran = t.run(&["job", "job-1"]).await;

    let text = ran.text();
    assert!(
        text.starts_with("id        job-1\ntype      audit_log_created\nstatus    pending\nattempts  0 of 3\n"),
        "{text}"
    );
    assert!(text.contains(&format!("({AGE_TEXT})")), "{text}");
    let shown = "\n{\n  \"eventData\": {\n    \"big\": 123456789012345678901234567890,\n    \"none\": []\n  }\n}\n";
    assert!(text.ends_with(shown), "{text}");
    assert!(t.run(&["--json", "job", "job-1"]).await.text().contains("123456789012345678901234567890"));
}

#[tokio::test]
async fn what_a_terminal_would_act_on_is_not_passed_on() {
    let t = Bench::new().await;
    t.plant("job-1", JobType::AuditLogCreated, "{\"eventData\":{\"a\":\"\u{9b}2J\u{202e}\"}}").await;
    t.bury_all(&holdfast::domain::outcome::Failure::new(
        holdfast::domain::outcome::FailureKind::Rejected,
        "no\u{1b}[2J\nid   job-2",
    ))
    .await;
    for words in [&["job", "job-1"][..], &["dead-letter", "list"], &["dead-letter", "show", "job-1"]] {
        let ran = t.run(words).await;
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!ran.text().contains(acts), "{ran:?}");
        assert!(!ran.text().contains("\nid   job-2"), "{ran:?}");
    }
}

#[tokio::test]
async fn jobs_that_wait_are_listed_with_when_they_are_due() {
    let t = Bench::new().await;
    assert_eq!(t.run(&["delayed"]).await.text(), "no job waits for its time\n");
    let later = t.run(&["--json", "enqueue", "audit_log_created", AUDIT, "--delay", "26h"]).await.json();
    let ran = t.run(&["delayed"]).await;
    let id = later["jobId"].as_str().unwrap();
    assert_eq!(
        ran.text(),
        format!("DUE            TYPE               ATTEMPTS  ID\nin 1 d 1 h     audit_log_created         0  {id}\n")
            .replace("in 1 d 1 h     ", "in 1 d 1 h  ")
            .replace("DUE            ", "DUE         ")
    );
}

#[tokio::test]
async fn an_audit_log_that_was_tampered_with_is_found() {
    let t = Bench::new().await;
    for n in 0..3 {
        t.plant(&format!("job-{n}"), JobType::AuditLogCreated, AUDIT).await;
    }
    t.run(&["process", "--type", "audit_log_created"]).await.text();
    let intact = t.run(&["audit", "verify"]).await;
    assert!(intact.text().starts_with("intact: 3 records, each bound to the one before it\nhead "), "{intact:?}");

    let audit = format!("{}audit", t.prefix);
    let first = t.redis(&["XRANGE", &audit, "-", "+", "COUNT", "1"]).await[0][0].as_str().unwrap().to_owned();
    t.redis(&["XDEL", &audit, &first]).await;

    let broken = t.run(&["audit", "verify"]).await;
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(broken.out.starts_with("BROKEN at ") && broken.err.is_empty(), "{broken:?}");
    let broken = t.run(&["--json", "audit", "verify"]).await;
    assert!(broken.code == 1 && broken.out.contains(r#""intact": false"#), "{broken:?}");
}

#[tokio::test]
async fn variables_come_from_a_file_and_what_cannot_be_read_there_is_not_shown() {
    let mut t = Bench::new().await;
    let lines: Vec<String> = t.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let lines = lines.concat();
    t.variables.clear();
    assert_eq!(t.run(&["stats"]).await.code, 4);

    t.write(".env", &lines);
    t.run(&["stats"]).await.text();
    t.write("other", &lines);
    t.write(".env", "");
    t.run(&["--env-file", "other", "stats"]).await.text();

    t.write(".env", &format!("{lines}SECRET_TOKEN=a b c\n"));
    let ran = t.run(&["stats"]).await;
    assert_eq!((ran.code, ran.err.contains("a b")), (4, false), "{ran:?}");
    assert!(ran.err.contains("after 3 readable variables"), "{ran:?}");
    let missing = t.run(&["--env-file", "none", "stats"]).await;
    assert_eq!(missing.code, 4, "{missing:?}");
}

#[tokio::test]
async fn a_dead_letter_is_a_job_too() {
    let t = Bench::new().await;
    t.plant("job-1", JobType::AuditLogCreated, AUDIT).await;
    t.bury_all(&rejected()).await;
    let shown = t.run(&["--json", "job", "job-1"]).await.json();
    assert_eq!((&shown["status"], &shown["errorKind"]), (&json!("dead_letter"), &json!("rejected")));
}

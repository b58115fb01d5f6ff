//! Batches that are run here.

use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use serde_json::json;

use crate::bench::{AUDIT, Bench};

#[tokio::test]
async fn what_is_due_is_worked_off_and_told_by_type() {
    let t = Bench::new().await;
    assert!(
        t.run(&["process", "--type", "audit_log_created"]).await.text().starts_with("nothing was due; looked for ")
    );
    let ids: Vec<JobId> = (0..120).map(|n| JobId::parse(format!("job-{n}")).unwrap()).collect();
    t.plant_all(&ids, JobType::AuditLogCreated, AUDIT).await;

    let ran = t.run(&["process", "--type", "audit_log_created"]).await;

    assert!(
        ran.text().starts_with(
            "\
TYPE               PROCESSED  COMPLETED  RETRIED  DEAD  RELEASED
audit_log_created        120        120        0     0         0
all                      120        120        0     0         0

took "
        ),
        "{ran:?}"
    );
    assert!(ran.out.ends_with("; nothing more is due\n"), "{ran:?}");
    assert_eq!(t.run(&["--json", "job", "job-7"]).await.json()["status"], "completed");
}

#[tokio::test]
async fn nothing_is_claimed_that_could_only_die_for_want_of_a_variable() {
    let mut t = Bench::new().await;
    t.plant("job-1", JobType::SendReleaseEmail, r#"{"transactionId":"e","recipientEmail":"a@b.c"}"#).await;
    let before = t.state().await;
    let ran = t.run(&["process"]).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    let why = "none of the variables RESEND_API_KEY, MAILGUN_API_KEY, SMTP_URL is set, so send_release_email would end among the dead letters; nothing was claimed";
    assert!(ran.err.contains(why), "{ran:?}");
    t.variables.insert("RESEND_API_KEY", "re_1".to_owned());
    assert_eq!(t.run(&["process", "--type", "send_release_email"]).await.code, 4);
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn a_report_as_json_is_the_routes() {
    let t = Bench::new().await;
    t.plant("job-1", JobType::AuditLogCreated, AUDIT).await;
    let mut report = t.run(&["--json", "process", "--type", "audit_log_created"]).await.json();
    assert!(report["durationMs"].take().is_u64());
    let sums = json!({"processed": 1, "completed": 1, "retried": 0, "deadLettered": 0, "released": 0});
    let mut expected = sums.clone();
    expected["durationMs"] = json!(null);
    expected["more"] = json!(false);
    expected["byType"] = json!({"audit_log_created": sums});
    assert_eq!(report, expected);
}

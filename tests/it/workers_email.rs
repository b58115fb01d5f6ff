//! Mails, against an outbox that is as strict as Resend.

use std::path::Path;
use std::time::Duration;

use devkit::fault::Fault;
use holdfast::domain::job::JobType;
use holdfast::domain::outcome::{FailureKind, Outcome};

use crate::workers_bench::WorkersBench;

const RELEASE: &str =
    r#"{"transactionId":"esc 1<b>","recipientEmail":"jane@example.com","amount":10000,"currency":"usd"}"#;

const RESOLVED: &str = r#"{"escrowId":"esc_1","resolution":"split","recipients":["buyer@example.com","seller@example.com","buyer@example.com"]}"#;

#[tokio::test]
async fn each_of_the_five_mails_is_accepted_as_it_is() {
    let t = WorkersBench::new().await;
    let refund = r#"{"transactionId":"esc_1","recipientEmail":"jane@example.com","reason":"never arrived","amount":500,"currency":"jpy"}"#;
    let dispute = r#"{"transactionId":"esc_1","recipientEmail":"jane@example.com","reason":"broken"}"#;
    let jobs = [
        ("job-1", JobType::SendReleaseEmail, RELEASE),
        ("job-2", JobType::SendRefundEmail, refund),
        ("job-3", JobType::SendDisputeEmail, dispute),
        ("job-4", JobType::SendPaymentConfirmedEmail, RELEASE),
        ("job-5", JobType::NotifyDisputeResolved, RESOLVED),
    ];

    for (id, job_type, payload) in jobs {
        assert_eq!(t.run(id, job_type, payload).await, Outcome::Completed, "{job_type}");
    }

    let mails = t.outbox.mails();
    let subjects: Vec<(&str, &str)> =
        mails.iter().map(|mail| (mail.draft.to[0].as_str(), mail.draft.subject.as_str())).collect();
    assert_eq!(
        subjects,
        [
            ("jane@example.com", "Payment released: esc 1<b>"),
            ("jane@example.com", "Payment refunded: esc_1"),
            ("jane@example.com", "Dispute opened: esc_1"),
            ("jane@example.com", "Payment confirmed: esc 1<b>"),
            ("buyer@example.com", "Dispute resolved: esc_1"),
            ("seller@example.com", "Dispute resolved: esc_1"),
        ]
    );
    let first = &mails[0].draft;
    assert_eq!(first.from, "Holdfast <mail@example.com>");
    let html = first.html.as_deref().unwrap();
    assert!(html.contains("100.00 USD") && html.contains("esc 1&#60;b&#62;") && !html.contains("<b>"), "{html}");
    assert!(first.text.as_deref().unwrap().contains("100.00 USD"));
    let tags: Vec<(&str, &str)> = first.tags.iter().map(|tag| (tag.name.as_str(), tag.value.as_str())).collect();
    assert_eq!(
        tags,
        [
            ("type", "send_release_email"),
            ("transaction_id", "esc_1_b_"),
            ("holdfast_job", "job-1"),
            ("holdfast_recipient", "1")
        ]
    );
}

#[tokio::test]
async fn a_job_that_runs_again_sends_nothing_more() {
    let t = WorkersBench::new().await;
    for fault in [Fault::AnswerLost, Fault::AnswerCut, Fault::Crash { done: true }, Fault::BadGateway, Fault::Closed] {
        t.outbox.faults().next(1, fault.clone());
        let id = format!("job-{}", t.outbox.calls().len());

        let first = t.run(&id, JobType::SendReleaseEmail, RELEASE).await;
        let second = t.run(&id, JobType::SendReleaseEmail, RELEASE).await;
        let third = t.run(&id, JobType::SendReleaseEmail, RELEASE).await;

        if !matches!(fault, Fault::AnswerCut) {
            assert!(matches!(&first, Outcome::Failed(failure) if failure.kind.is_retryable()), "{fault:?}: {first:?}");
        }
        assert_eq!((second, third), (Outcome::Completed, Outcome::Completed), "{fault:?}");
        assert_eq!(t.outbox.accepted(&id), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn both_parties_get_their_mail_once_though_the_provider_failed_in_between() {
    let t = WorkersBench::new().await;
    t.outbox.faults().next(1, Fault::Slow { ms: 0 });
    t.outbox.faults().next(1, Fault::Status { status: 500 });

    let first = t.fail("job-1", JobType::NotifyDisputeResolved, RESOLVED).await;
    let second = t.run("job-1", JobType::NotifyDisputeResolved, RESOLVED).await;

    assert_eq!(first.kind, FailureKind::Unavailable);
    assert_eq!(second, Outcome::Completed);
    assert_eq!((t.outbox.accepted("job-1/1"), t.outbox.accepted("job-1/2"), t.outbox.mails().len()), (1, 1, 2));
}

#[tokio::test]
async fn a_limit_is_waited_for_as_long_as_the_provider_says() {
    let t = WorkersBench::new().await;
    t.outbox.faults().next(1, Fault::RateLimited { retry_after_secs: 7 });

    let failure = t.fail("job-1", JobType::SendReleaseEmail, RELEASE).await;

    assert_eq!(failure.kind, FailureKind::Throttled);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn two_runs_at_once_send_one_mail() {
    let t = WorkersBench::new().await;
    t.outbox.faults().next(1, Fault::Slow { ms: 200 });

    let (one, other) = tokio::join!(
        t.run("job-1", JobType::SendReleaseEmail, RELEASE),
        t.run("job-1", JobType::SendReleaseEmail, RELEASE)
    );

    for outcome in [one, other] {
        let again = matches!(&outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable);
        assert!(outcome == Outcome::Completed || again, "{outcome:?}");
    }
    assert_eq!(t.outbox.accepted("job-1"), 1);
}

#[tokio::test]
async fn what_the_provider_refuses_is_final_and_names_no_address() {
    let t = WorkersBench::new().await;
    t.run("job-1", JobType::SendReleaseEmail, RELEASE).await;
    let other = RELEASE.replace("10000", "20000");
    let reused = t.fail("job-1", JobType::SendReleaseEmail, &other).await;
    assert_eq!(
        (reused.kind, reused.message.as_str()),
        (
            FailureKind::Rejected,
            "Resend has sent another text under this job's id: status 409 invalid_idempotent_request"
        )
    );

    let t = WorkersBench::with(&[("RESEND_API_KEY", "re_other")]).await;
    let foreign = t.fail("job-1", JobType::SendReleaseEmail, RELEASE).await;
    assert_eq!(foreign.kind, FailureKind::Configuration, "{foreign}");
    assert!(foreign.message.starts_with("Resend refused the key in RESEND_API_KEY: status 4"), "{foreign}");

    let t = WorkersBench::with(&[("RESEND_API_KEY", "")]).await;
    let missing = t.fail("job-1", JobType::SendReleaseEmail, RELEASE).await;
    assert_eq!(
        (missing.kind, missing.message.as_str()),
        (FailureKind::Configuration, "none of the variables RESEND_API_KEY, MAILGUN_API_KEY, SMTP_URL is set")
    );
}

/// Looks at each mail as it is committed. After a change of words or templates: look at `/dev/mails` of `cargo dev`, then
/// `cargo run -p devkit --bin mails`.
#[test]
fn each_mail_with_sample_data_is_as_it_is_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mails");
    let mut expected: Vec<String> = Vec::new();
    for preview in devkit::previews::all() {
        let text = format!("{}\n\n{}", preview.subject, preview.text);
        for (end, written) in [("html", &preview.html), ("txt", &text)] {
            let name = format!("{}.{end}", preview.name);
            let committed = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
            assert!(committed == *written, "tests/it/mails/{name} is another mail: cargo run -p devkit --bin mails");
            expected.push(name);
        }
    }
    let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = found.collect();
    found.sort();
    expected.sort();
    assert_eq!((found, 16), (expected.clone(), expected.len()));
}

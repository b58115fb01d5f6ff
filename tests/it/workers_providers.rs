//! Mails by Mailgun and by SMTP, which know no idempotency keys: what is known to be sent is not sent again.

use devkit::fault::Fault;
use devkit::rest::Fault as RestFault;
use holdfast::domain::job::JobType;
use holdfast::domain::outcome::{FailureKind, Outcome};

use crate::smtp_server::{Meets, SmtpServer};
use crate::workers_bench::WorkersBench;

const MAIL: &str = r#"{"transactionId":"esc ä 1","recipientEmail":"jane@example.com","amount":10000,"currency":"usd"}"#;
const RESOLVED: &str =
    r#"{"escrowId":"esc_1","resolution":"split","recipients":["buyer@example.com","seller@example.com"]}"#;
const MAILGUN: [(&str, &str); 3] =
    [("RESEND_API_KEY", ""), ("MAILGUN_API_KEY", "re_dev"), ("MAILGUN_DOMAIN", "mg.example.com")];

/// A bench whose outbox is spoken to as Mailgun.
async fn mailgun() -> WorkersBench {
    WorkersBench::with(&MAILGUN).await
}

async fn smtp() -> (WorkersBench, SmtpServer) {
    let (server, url) = SmtpServer::start().await;
    (WorkersBench::with(&[("RESEND_API_KEY", ""), ("SMTP_URL", &url)]).await, server)
}

#[tokio::test]
async fn mailgun_takes_a_mail_with_its_labels_and_its_own_name() {
    let t = mailgun().await;

    assert_eq!(t.run("job-1", JobType::SendReleaseEmail, MAIL).await, Outcome::Completed);

    let mail = t.outbox.mails().remove(0).draft;
    assert_eq!((mail.to[0].as_str(), mail.subject.as_str()), ("jane@example.com", "Payment released: esc ä 1"));
    assert_eq!(mail.headers["Message-Id"], "<job-1@mg.example.com>");
    assert!(mail.html.unwrap().contains("100.00 USD") && mail.text.unwrap().contains("100.00 USD"));
    let tags: Vec<(&str, &str)> = mail.tags.iter().map(|tag| (tag.name.as_str(), tag.value.as_str())).collect();
    assert_eq!(tags, [("holdfast_job", "job-1"), ("holdfast_recipient", "1")]);
    let noted = t.bench.at("delivery:job-1").await;
    assert_eq!(noted["1:message"], "job-1@mg.example.com");
    assert!(noted["1:sent"].is_string() && t.bench.ttl("delivery:job-1").await > 7 * 86_400_000);
}

#[tokio::test]
async fn what_mailgun_is_known_to_have_is_not_sent_again() {
    let t = mailgun().await;
    t.run("job-1", JobType::SendReleaseEmail, MAIL).await;
    assert_eq!(t.run("job-1", JobType::SendReleaseEmail, MAIL).await, Outcome::Completed);
    assert_eq!(t.outbox.mails().len(), 1);

    t.outbox.faults().next(1, Fault::Slow { ms: 0 });
    t.outbox.faults().next(1, Fault::Status { status: 500 });
    let first = t.fail("job-2", JobType::NotifyDisputeResolved, RESOLVED).await;
    let second = t.run("job-2", JobType::NotifyDisputeResolved, RESOLVED).await;

    assert_eq!((first.kind, second), (FailureKind::Unavailable, Outcome::Completed));
    let to: Vec<String> = t.outbox.mails().iter().skip(1).map(|mail| mail.draft.to[0].clone()).collect();
    assert_eq!(to, ["buyer@example.com", "seller@example.com"], "each once");
}

#[tokio::test]
async fn a_note_whose_answer_was_lost_holds() {
    for fault in [RestFault::ReplyLost, RestFault::ReplyCut, RestFault::StatusAfter(502)] {
        let t = mailgun().await;
        t.run("job-0", JobType::SendReleaseEmail, MAIL).await;
        t.bench.rest.faults().next_matching("job-1@mg.example.com", fault);

        assert_eq!(t.run("job-1", JobType::SendReleaseEmail, MAIL).await, Outcome::Completed, "{fault:?}");
        let noted = t.bench.at("delivery:job-1").await;
        assert_eq!(t.run("job-1", JobType::SendReleaseEmail, MAIL).await, Outcome::Completed, "{fault:?}");

        assert_eq!((t.outbox.mails().len(), t.bench.at("delivery:job-1").await), (2, noted), "{fault:?}");
    }
}

#[tokio::test]
async fn an_address_that_was_mended_is_written_to_though_another_had_the_mail() {
    let t = mailgun().await;
    t.run("job-1", JobType::SendReleaseEmail, MAIL).await;

    let mended = MAIL.replace("jane@", "joan@");
    assert_eq!(t.run("job-1", JobType::SendReleaseEmail, &mended).await, Outcome::Completed);

    assert_eq!(t.outbox.mails()[1].draft.to, ["joan@example.com"]);
}

#[tokio::test]
async fn mailguns_refusals_name_the_variable_and_no_address() {
    let t = WorkersBench::with(&[MAILGUN[0], ("MAILGUN_API_KEY", "key-other"), MAILGUN[2]]).await;
    let failure = t.fail("job-1", JobType::SendReleaseEmail, MAIL).await;
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (FailureKind::Configuration, "Mailgun refused the key in MAILGUN_API_KEY: status 401")
    );
    let t = WorkersBench::with(&[("MAILGUN_API_KEY", "key-1")]).await;
    let failure = t.fail("job-1", JobType::SendReleaseEmail, MAIL).await;
    assert_eq!(failure.message, "the variables RESEND_API_KEY and MAILGUN_API_KEY are both set; expected one of them");
}

#[tokio::test]
async fn a_mail_server_takes_a_mail_in_both_forms() {
    let (t, server) = smtp().await;

    assert_eq!(t.run("job-1", JobType::SendReleaseEmail, MAIL).await, Outcome::Completed);

    let mail = server.mails().remove(0);
    for line in [
        "From: Holdfast <mail@example.com>",
        "To: jane@example.com",
        "Message-ID: <job-1@example.com>",
        "Auto-Submitted: auto-generated",
        "X-Entity-Ref-ID: job-1",
        "Subject: Payment released: esc =?utf-8?b?",
    ] {
        assert!(mail.contains(&format!("\n{line}")) || mail.starts_with(line), "{line}:\n{mail}");
    }
    assert!(mail.contains("multipart/alternative") && mail.contains("text/plain") && mail.contains("text/html"));
    assert_eq!(t.bench.at("delivery:job-1").await["1:message"], "job-1@example.com");
    assert_eq!(t.run("job-1", JobType::SendReleaseEmail, MAIL).await, Outcome::Completed);
    assert_eq!(server.mails().len(), 1, "known to be sent");
}

#[tokio::test]
async fn a_mail_whose_yes_was_lost_comes_again_under_its_own_name() {
    let (t, server) = smtp().await;
    server.next(Meets::LostYes);

    let first = t.fail("job-1", JobType::SendReleaseEmail, MAIL).await;
    let second = t.run("job-1", JobType::SendReleaseEmail, MAIL).await;

    assert_eq!((first.kind.is_retryable(), second), (true, Outcome::Completed), "{first}");
    let named = |mail: &String| mail.contains("Message-ID: <job-1@example.com>");
    assert_eq!(server.mails().iter().filter(|mail| named(mail)).count(), 2);
}

#[tokio::test]
async fn a_mail_servers_answers_decide_what_becomes_of_the_job_and_are_not_repeated() {
    use FailureKind::{Configuration, Rejected, Unavailable};
    let cases = [
        ("RCPT", "550 5.1.1 <jane@example.com> unknown", Rejected, "the mail server answered code 550"),
        ("RCPT", "451 4.7.1 jane is greylisted", Unavailable, "the mail server answered code 451"),
        ("EHLO", "421 too busy", Unavailable, "the mail server answered code 421"),
        (
            "MAIL",
            "530 5.7.0 authentication required",
            Configuration,
            "the mail server refused the name and password in SMTP_URL: code 530",
        ),
        ("DATA", "554 5.7.1 spam", Rejected, "the mail server answered code 554"),
        ("EHLO", "what?", Unavailable, "the mail server: an answer that is none"),
    ];
    for (command, answer, kind, message) in cases {
        let (t, server) = smtp().await;
        server.next(Meets::Answer(command, answer));
        let failure = t.fail("job-1", JobType::SendReleaseEmail, MAIL).await;
        assert_eq!((failure.kind, failure.message.as_str()), (kind, message), "{answer}");
        assert_eq!(server.mails().len(), 0, "{answer}");
    }
    let t = WorkersBench::with(&[("RESEND_API_KEY", ""), ("SMTP_URL", "smtp://127.0.0.1:9")]).await;
    let failure = t.fail("job-1", JobType::SendReleaseEmail, MAIL).await;
    assert_eq!((failure.kind, failure.message.as_str()), (Unavailable, "the mail server: no connection, or it broke"));
}

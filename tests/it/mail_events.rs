//! What providers tell of mails: taken once, in any order, by whoever has the secret; and whom it keeps from being written to.

use std::time::Duration;

use devkit::rest::Fault;
use hmac::{Hmac, KeyInit, Mac};
use holdfast::app::App;
use holdfast::config::{MAILGUN_WEBHOOK_SIGNING_KEY, RESEND_WEBHOOK_SECRET};
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::Outcome;
use serde_json::{Value, json};
use sha2::Sha256;
use standardwebhooks::Webhook;

use crate::bench::{Bench, START};
use crate::site::{Answer, TOKEN, call};
use crate::workers_bench::WorkersBench;

const PATH: &str = "/api/webhooks/email";
const SECRET: &str = "whsec_aG9sZGZhc3QtZGV2LW1haWwtZXZlbnRz";
const KEY: &str = "key-of-mailgun";
const MAIL: &str = r#"{"transactionId":"esc_1","recipientEmail":"jane@example.com"}"#;
const JANE: &str = "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d";

/// A bench with one mail's job, and the app that takes events.
async fn bench() -> (Bench, App, JobId) {
    let t = Bench::new().await;
    let job = t.job(JobType::SendReleaseEmail, MAIL, JobOptions::default());
    let id = t.queue.enqueue(&[job]).await.unwrap().remove(0).id().clone();
    let app = t.app_with(&[(RESEND_WEBHOOK_SECRET, SECRET), (MAILGUN_WEBHOOK_SIGNING_KEY, KEY)]);
    (t, app, id)
}

/// An event of Resend's about the mail of a job, `seconds` after the start.
fn event(job: &str, kind: &str, seconds: i64) -> String {
    let at = START.plus(Duration::from_secs(u64::try_from(seconds).unwrap())).to_rfc3339();
    let tags = json!({"type": "send_release_email", "holdfast_job": job, "holdfast_recipient": "1"});
    let mut data = json!({"email_id": "mail-1", "to": ["Jane@Example.com"], "subject": "x", "tags": tags});
    if kind == "email.bounced" {
        data["bounce"] = json!({"type": "Permanent", "subType": "General", "message": "jane@example.com is gone"});
    }
    json!({"type": kind, "created_at": at, "data": data}).to_string()
}

/// Posts a body as Svix does for Resend, signed at the start plus `seconds`.
async fn resend(app: &App, id: &str, body: &str, seconds: i64) -> Answer {
    let at = START.0 / 1_000 + seconds;
    let signature = Webhook::new(SECRET).unwrap().sign(id, at, body.as_bytes()).unwrap();
    let at = at.to_string();
    call(app, "POST", PATH, &[("svix-id", id), ("svix-timestamp", &at), ("svix-signature", &signature)], body).await
}

fn mailgun_body(job: &str, token: &str, seconds: i64, event: &Value) -> String {
    let timestamp = (START.0 / 1_000 + seconds).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(format!("{timestamp}{token}").as_bytes());
    let signature = mac.finalize().into_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let mut event = event.clone();
    event["user-variables"] = json!({"holdfast_job": job, "holdfast_recipient": "1"});
    event["recipient"] = "jane@example.com".into();
    event["message"] = json!({"headers": {"message-id": "20261124.1@mg.example.com"}});
    json!({"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": event})
        .to_string()
}

async fn deliveries(t: &Bench, id: &JobId) -> Value {
    t.get(&format!("/api/jobs/{id}"), TOKEN).await.body["deliveries"].take()
}

fn outcome(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["outcome"].as_str().or(answer.body["code"].as_str()).unwrap())
}

#[tokio::test]
async fn a_mail_goes_from_sent_to_delivered_to_opened_in_any_order() {
    let (t, app, id) = bench().await;
    assert_eq!(deliveries(&t, &id).await, json!([]));
    let told = [("email.opened", 9), ("email.sent", 1), ("email.delivery_delayed", 2), ("email.delivered", 3)];

    for (n, (kind, seconds)) in told.into_iter().enumerate() {
        let answer = resend(&app, &format!("msg_{n}"), &event(id.as_str(), kind, seconds), 10).await;
        assert_eq!(outcome(&answer), (200, "noted"), "{kind}");
    }

    let at = |seconds: i64| START.0 + seconds * 1_000;
    assert_eq!(
        deliveries(&t, &id).await,
        json!([{"to": "j***@example.com", "status": "opened", "sentAt": at(1), "delayedAt": at(2), "deliveredAt": at(3),
            "openedAt": at(9), "messageId": "mail-1"}])
    );
    assert_eq!(t.at("mail:suppressed").await, Value::Null);
    assert!(t.ttl(&format!("delivery:{id}")).await > 70 * 3_600_000);
}

#[tokio::test]
async fn an_event_sent_again_changes_and_counts_nothing() {
    let (t, app, id) = bench().await;
    let body = event(id.as_str(), "email.delivered", 5);

    let first = resend(&app, "msg_1", &body, 5).await;
    let state = t.state().await;
    let again = resend(&app, "msg_1", &body, 20).await;

    assert_eq!((outcome(&first), outcome(&again)), ((200, "noted"), (200, "duplicate")));
    assert_eq!(t.state().await, state);
    assert_eq!(t.queue.measured().await.unwrap()["mail_event:delivered"], 1);
}

#[tokio::test]
async fn an_event_whose_answer_from_redis_was_lost_is_taken_in_once() {
    for fault in [Fault::ReplyLost, Fault::ReplyCut, Fault::StatusAfter(502)] {
        let (t, app, id) = bench().await;
        resend(&app, "msg_0", &event(id.as_str(), "email.sent", 1), 1).await;
        t.fault(fault);

        let answer = resend(&app, "msg_1", &event(id.as_str(), "email.bounced", 2), 2).await;

        assert_eq!(outcome(&answer), (200, "noted"), "{fault:?}");
        assert_eq!(t.queue.measured().await.unwrap()["mail_event:bounced"], 1, "{fault:?}");
        assert_eq!(deliveries(&t, &id).await[0]["status"], "bounced", "{fault:?}");
    }
}

#[tokio::test]
async fn only_what_resend_signed_just_now_is_taken() {
    let (t, app, id) = bench().await;
    let body = event(id.as_str(), "email.bounced", 1);
    let before = t.state().await;
    let at = START.0 / 1_000;
    let signature = Webhook::new(SECRET).unwrap().sign("msg_1", at, body.as_bytes()).unwrap();
    let other =
        Webhook::new("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz").unwrap().sign("msg_1", at, body.as_bytes()).unwrap();
    let at = at.to_string();
    let tampered = body.replace("Jane@", "joe@");
    let cases = [
        ("msg_1", at.as_str(), other.as_str(), body.as_str()),
        ("msg_1", &at, &signature, &tampered),
        ("msg_2", &at, &signature, &body),
        ("msg_1", "1", &signature, &body),
        ("msg_1", &at, "", &body),
        ("", &at, &signature, &body),
    ];
    for (id, at, signature, body) in cases {
        let headers = [("svix-id", id), ("svix-timestamp", at), ("svix-signature", signature)];
        let answer = call(&app, "POST", PATH, &headers, body).await;
        assert_eq!(answer.problem(), (400, "invalid_signature"), "{id} {at} {signature}");
    }
    t.advance(Duration::from_secs(301));
    let app = t.app_with(&[(RESEND_WEBHOOK_SECRET, SECRET)]);
    assert_eq!(resend(&app, "msg_1", &body, 0).await.problem(), (400, "invalid_signature"), "stale");
    assert_eq!(call(&app, "POST", PATH, &[], &body).await.problem(), (400, "invalid_signature"), "unsigned");
    assert_eq!(t.state().await, before);

    let closed = call(&t.app_with(&[]), "POST", PATH, &[], &body).await;
    assert_eq!(closed.problem(), (503, "not_configured"));
    assert_eq!(closed.body["detail"], "the variable RESEND_WEBHOOK_SECRET is not set");
}

#[tokio::test]
async fn what_is_about_no_mail_of_ours_is_answered_and_forgotten() {
    let (t, app, id) = bench().await;
    let before = t.state().await;
    let own = event(id.as_str(), "email.delivered", 1);
    let foreign = own.replace("holdfast_job", "campaign");
    let contact = r#"{"type":"contact.created","created_at":"x","data":{"id":"1","email":"jane@example.com"}}"#;
    for (n, body) in [foreign.as_str(), contact, &own.replace("email.delivered", "email.scheduled"), "[]", "{", "\u{0}"]
        .iter()
        .enumerate()
    {
        let answer = resend(&app, &format!("msg_{n}"), body, 1).await;
        assert_eq!(outcome(&answer), (200, "ignored"), "{body}");
    }
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn a_late_bounce_of_a_job_long_gone_still_closes_the_address() {
    let (t, app, _) = bench().await;

    let answer = resend(&app, "msg_1", &event("job-gone", "email.bounced", 1), 1).await;

    assert_eq!(outcome(&answer), (200, "unknown_job"));
    assert_eq!(t.at("delivery:job-gone").await, Value::Null);
    assert_eq!(t.at("mail:suppressed").await[JANE].as_str().unwrap(), (START.0 + 604_800_000).to_string());
}

#[tokio::test]
async fn mailguns_events_are_taken_once_a_token_and_refused_with_406() {
    let (t, app, id) = bench().await;
    let post = async |body: &str| call(&app, "POST", PATH, &[], body).await;
    let sent = json!({"id": "e1", "event": "accepted", "timestamp": 1_800_000_001.25});
    let later = json!({"id": "e2", "event": "failed", "severity": "temporary", "reason": "generic"});
    let failed = json!({"id": "e3", "event": "failed", "severity": "permanent", "reason": "bounce"});

    assert_eq!(outcome(&post(&mailgun_body(id.as_str(), "t1", 1, &sent)).await), (200, "noted"));
    assert_eq!(outcome(&post(&mailgun_body(id.as_str(), "t2", 1, &later)).await), (200, "noted"));
    let replayed = mailgun_body(id.as_str(), "t1", 1, &failed);
    assert_eq!(outcome(&post(&replayed).await), (200, "duplicate"), "a token with another body");
    assert_eq!(outcome(&post(&mailgun_body(id.as_str(), "t3", 1, &sent)).await), (200, "duplicate"), "an event again");
    assert_eq!(deliveries(&t, &id).await[0]["status"], "delayed");
    assert_eq!(outcome(&post(&mailgun_body(id.as_str(), "t4", 1, &failed)).await), (200, "noted"));
    assert_eq!(
        deliveries(&t, &id).await,
        json!([{"to": "j***@example.com", "status": "bounced", "sentAt": START.0 + 1_250, "delayedAt": START.0,
            "bouncedAt": START.0, "why": "bounce", "messageId": "20261124.1@mg.example.com"}])
    );

    let good = mailgun_body(id.as_str(), "t5", 1, &failed);
    assert_eq!(post(&good.replace("\"t5\"", "\"t6\"")).await.problem(), (406, "invalid_signature"));
    let old = mailgun_body(id.as_str(), "t7", -43_300, &failed);
    assert_eq!(post(&old).await.problem(), (406, "invalid_signature"));
    for rubbish in ["", "{}", "[]", "\"signature\"", "{\"signature\":1}"] {
        assert_eq!(post(rubbish).await.problem(), (406, "invalid_event"), "{rubbish}");
    }
}

#[tokio::test]
async fn a_suppressed_address_is_not_written_to_and_its_job_completes_as_suppressed() {
    let t = WorkersBench::new().await;
    let app = t.bench.app_with(&[(RESEND_WEBHOOK_SECRET, SECRET)]);
    let resolved = r#"{"escrowId":"esc_1","resolution":"split","recipients":["JANE@example.com","joe@example.com"]}"#;
    let job = t.bench.job(JobType::NotifyDisputeResolved, resolved, JobOptions::default());
    let id = t.bench.queue.enqueue(&[job]).await.unwrap().remove(0).id().clone();
    resend(&app, "msg_1", &event("job-before", "email.complained", 1), 1).await;

    let outcome = t.run(id.as_str(), JobType::NotifyDisputeResolved, resolved).await;

    assert_eq!(outcome, Outcome::Completed);
    let mails = t.outbox.mails();
    assert_eq!(mails.iter().map(|mail| mail.draft.to[0].as_str()).collect::<Vec<_>>(), ["joe@example.com"]);
    let tags: Vec<&str> = mails[0].draft.tags.iter().map(|tag| tag.value.as_str()).collect();
    assert_eq!(tags[2..], [id.as_str(), "2"]);
    let known = deliveries(&t.bench, &id).await;
    assert_eq!((&known[0]["to"], &known[0]["status"]), (&json!("J***@example.com"), &json!("suppressed")));

    let lifted =
        t.bench.post("/api/jobs/control", TOKEN, r#"{"action":"unsuppress","email":"jane@example.com"}"#).await;
    assert_eq!((lifted.status, &lifted.body), (200, &json!({"lifted": JANE})));
    assert_eq!(t.run("job-after", JobType::SendReleaseEmail, MAIL).await, Outcome::Completed);
    assert_eq!(t.outbox.accepted("job-after"), 1);
}

#[tokio::test]
async fn suppressed_addresses_are_listed_by_pages_and_a_bounce_ends_after_a_week() {
    let (t, app, _) = bench().await;
    for n in 0..5 {
        let kind = if n == 4 { "email.complained" } else { "email.bounced" };
        let body = event("job-gone", kind, n).replace("Jane@", &format!("user{n}@"));
        resend(&app, &format!("msg_{n}"), &body, n).await;
        t.advance(Duration::from_secs(1));
    }
    let list = async |cursor: &str| {
        t.get(&format!("/api/jobs/control?list=suppressed&limit=2&cursor={cursor}"), TOKEN).await.body
    };

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&cursor).await;
        seen.extend(
            page["suppressed"].as_array().unwrap().iter().map(|one| (one["reason"].clone(), one["until"].clone())),
        );
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let week = |n: i64| (json!("bounced"), json!(START.0 + 604_800_000 + n * 1_000));
    assert_eq!(seen, [week(0), week(1), week(2), week(3), (json!("complained"), Value::Null)]);

    t.advance(Duration::from_hours(7 * 24));
    assert_eq!(list("").await["suppressed"].as_array().unwrap().len(), 1, "only the complaint is left");
}

#[tokio::test]
async fn a_complaint_is_not_shortened_by_a_later_bounce_and_what_is_not_there_is_not_lifted() {
    let (t, app, _) = bench().await;
    resend(&app, "msg_1", &event("job-gone", "email.complained", 1), 1).await;
    resend(&app, "msg_2", &event("job-gone", "email.bounced", 2), 2).await;
    let page = t.get("/api/jobs/control?list=suppressed", TOKEN).await.body;
    assert_eq!(page, json!({"suppressed": [{"address": JANE, "reason": "complained", "until": null}], "cursor": null}));

    let ask = async |body: &str| t.post("/api/jobs/control", TOKEN, body).await;
    let by_hash = format!(r#"{{"action":"unsuppress","address":"{JANE}"}}"#);
    t.fault(Fault::ReplyLost);
    assert_eq!(ask(&by_hash).await.status, 200);
    assert_eq!(ask(&by_hash).await.problem(), (404, "not_suppressed"));
    assert_eq!(ask(r#"{"action":"unsuppress"}"#).await.problem(), (422, "invalid_field"));
    assert_eq!(ask(r#"{"action":"unsuppress","address":"x"}"#).await.problem(), (422, "invalid_field"));
    assert_eq!(ask(r#"{"action":"unsuppress","email":"jane"}"#).await.problem(), (422, "invalid_field"));
    let records = t.at("stats:counters").await["audit_log_created:enqueued"].clone();
    assert_eq!(records, "1", "one record of one change");
}

#[tokio::test]
async fn a_store_out_of_reach_lets_no_mail_out_and_no_event_be_forgotten() {
    let t = WorkersBench::new().await;
    let app = t.bench.app_with(&[(RESEND_WEBHOOK_SECRET, SECRET)]);
    t.bench.rest.faults().always(Fault::Status(500));

    let failure = t.fail("job-1", JobType::SendReleaseEmail, MAIL).await;
    let answer = resend(&app, "msg_1", &event("job-1", "email.sent", 1), 1).await;

    assert!(failure.kind.is_retryable(), "{failure}");
    assert_eq!(t.outbox.mails().len(), 0);
    assert_eq!(answer.status, 503);
}

//! Webhooks, against a sink that verifies them with the standard's own library.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use devkit::webhooks::Reply;
use hmac::{Hmac, KeyInit, Mac};
use holdfast::domain::job::JobType::WebhookEscrowStatusChanged as Changed;
use holdfast::domain::outcome::{FailureKind, Outcome};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::workers_bench::{SECRET, TRACE, WorkersBench};

const CHANGE: &str =
    r#"{"escrowId":"esc_1","statusBefore":"authorized","statusAfter":"released","occurredAt":1706234567890}"#;

fn status(status: u16, retry_after_secs: Option<u64>) -> Reply {
    Reply::Status { status, retry_after_secs }
}

#[tokio::test]
async fn the_older_form_of_a_signature_stands_beside_the_standards_where_it_is_asked_for() {
    let t = WorkersBench::with(&[("WEBHOOK_LEGACY_HEADER", "X-Shop-Signature")]).await;

    assert_eq!(t.run("job-1", Changed, CHANGE).await, Outcome::Completed);

    let received = t.sink.received().remove(0);
    let header = |name: &str| received.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let (time, legacy) = (header("webhook-timestamp").unwrap(), header("x-shop-signature").unwrap());
    // As a receiver computes it, from the text of the secret alone.
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{time}.{}", received.body).as_bytes());
    let hex = holdfast::domain::hex::hex(mac.finalize().into_bytes());
    assert!(received.verified && legacy == format!("t={time},v1={hex}"), "{legacy}");
}

#[tokio::test]
async fn a_delivery_verifies_and_tells_what_changed() {
    let t = WorkersBench::new().await;

    let outcome = t.run("job-1", Changed, CHANGE).await;

    let received = t.sink.received().remove(0);
    assert_eq!((outcome, received.verified), (Outcome::Completed, true), "{received:?}");
    assert_eq!(received.id.as_deref(), Some("job-1"));
    let header = |name: &str| received.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(header("traceparent"), Some(TRACE));
    assert_eq!(header("content-type"), Some("application/json"));
    assert!(header("user-agent").unwrap().starts_with("Holdfast-Webhooks/"));
    assert_eq!(
        serde_json::from_str::<Value>(&received.body).unwrap(),
        json!({
            "type": "escrow.status_changed",
            "timestamp": "2024-01-26T02:02:47.890Z",
            "apiVersion": "2026-11-01",
            "data": {
                "escrowId": "esc_1",
                "statusBefore": "authorized",
                "statusAfter": "released",
                "occurredAt": "2024-01-26T02:02:47.890Z",
            },
        })
    );
}

#[tokio::test]
async fn a_repeat_has_the_same_id_and_body() {
    let t = WorkersBench::new().await;
    t.sink.replies().next(1, status(500, None));

    let first = t.fail("job-1", Changed, CHANGE).await;
    let second = t.run("job-1", Changed, CHANGE).await;

    assert_eq!((first.kind, second), (FailureKind::Unavailable, Outcome::Completed));
    let received = t.sink.received();
    assert_eq!((&received[0].id, &received[0].body), (&received[1].id, &received[1].body));
    assert!(received[0].verified && received[1].verified);
}

#[tokio::test]
async fn while_a_secret_is_replaced_a_partner_with_either_verifies() {
    let old = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    let t = WorkersBench::with(&[("WEBHOOK_SIGNING_SECRET", &format!("{old} {SECRET}"))]).await;
    for known in [old, SECRET] {
        t.sink.set_secrets(vec![known.to_owned()]);
        assert_eq!(t.run("job-1", Changed, CHANGE).await, Outcome::Completed, "{known}");
    }
    t.sink.set_secrets(vec!["whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=".to_owned()]);
    assert_eq!(t.fail("job-1", Changed, CHANGE).await.kind, FailureKind::Rejected);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_no_more_and_a_busy_one_gets_its_time() {
    let t = WorkersBench::new().await;
    for (reply, kind, wait) in [
        (status(410, None), FailureKind::Rejected, None),
        (status(404, None), FailureKind::Rejected, None),
        (status(429, Some(60)), FailureKind::Throttled, Some(60)),
        (status(503, Some(5)), FailureKind::Unavailable, Some(5)),
        (Reply::Closed, FailureKind::Unavailable, None),
    ] {
        t.sink.replies().next(1, reply.clone());
        let failure = t.fail("job-1", Changed, CHANGE).await;
        assert_eq!((failure.kind, failure.retry_after), (kind, wait.map(Duration::from_secs)), "{reply:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let t = WorkersBench::new().await;
    let elsewhere = format!("{}/elsewhere", t.served[2].url());
    t.sink.replies().next(1, Reply::Redirect { location: elsewhere });

    let failure = t.fail("job-1", Changed, CHANGE).await;

    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (FailureKind::Unavailable, "the webhook's server answered status 302, a redirect, which is not followed")
    );
    assert_eq!(t.sink.received().len(), 1);
}

#[tokio::test]
async fn a_private_address_that_is_not_allowed_hears_nothing() {
    let t = WorkersBench::with(&[("WEBHOOK_ALLOW_PRIVATE", "127.0.0.1:1")]).await;
    let failure = t.fail("job-1", Changed, CHANGE).await;
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (FailureKind::Configuration, "the address in WEBHOOK_URL is refused: its scheme is not https")
    );
    assert_eq!(t.sink.received().len(), 0);
}

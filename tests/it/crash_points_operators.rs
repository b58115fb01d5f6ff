//! What operators change in many calls or many places, with a crash at each call to Redis: partners' endpoints, and dead letters by a walk.

use holdfast::domain::limits::MAX_STEP_LETTERS;
use serde_json::{Value, json};

use crate::crash_points::{Ask, End, FIRST_SECRET, ends_the_same_but_for_records, post, same};
use crate::escrow_bench::{ADMIN, PROCESSOR};

fn partner(body: Value) -> Ask {
    post(ADMIN, "/api/partners/shop", body)
}

fn endpoint() -> Ask {
    partner(json!({ "action": "create-endpoint", "url": "https://shop.example/hook", "secret": FIRST_SECRET }))
}

fn on_endpoint(action: &str, more: &Value) -> Ask {
    let mut body = json!({ "action": action, "endpoint": "{endpoint}" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    partner(body)
}

#[tokio::test]
async fn a_crash_while_an_endpoint_is_made_or_changed_changes_nothing_in_the_end() {
    ends_the_same_but_for_records(&[endpoint()]).await;
    for (action, more) in [
        ("update-endpoint", json!({ "enabled": false })),
        ("update-endpoint", json!({ "enabled": true })),
        ("update-endpoint", json!({ "url": "https://shop.example/other", "events": ["escrow.status_changed"] })),
    ] {
        ends_the_same_but_for_records(&[endpoint(), on_endpoint(action, &more)]).await;
    }
    let email = |email: Value| partner(json!({ "action": "set-email", "email": email }));
    ends_the_same_but_for_records(&[email("ops@shop.example".into())]).await;
    ends_the_same_but_for_records(&[email("ops@shop.example".into()), email(Value::Null)]).await;
}

#[tokio::test]
async fn a_secret_that_is_replaced_again_after_a_crash_leaves_the_one_that_receivers_know() {
    ends_the_same_but_for_records(&[endpoint(), on_endpoint("rotate-secret", &json!({}))]).await;
}

#[tokio::test]
async fn an_endpoint_that_is_removed_again_after_a_crash_is_gone() {
    ends_the_same_but_for_records(&[endpoint(), on_endpoint("delete-endpoint", &json!({}))]).await;
}

/// What an admin asked for twice is sent twice; under one id where it is an old webhook.
fn twice_is_once(end: &mut End) {
    for (job, count) in &mut end.jobs {
        if job.starts_with("webhook_") {
            *count = 1;
        }
    }
}

#[tokio::test]
async fn a_crash_while_a_webhook_is_tested_or_sent_again_loses_none() {
    same(&[endpoint(), on_endpoint("test", &json!({}))], twice_is_once).await;
    let payload =
        json!({ "escrowId": "esc_1", "statusBefore": "authorized", "statusAfter": "released", "partner": "shop" });
    let old = json!({ "type": "webhook_escrow_status_changed", "payload": payload, "delayMs": 86_400_000 });
    let old = post(PROCESSOR, "/api/jobs/enqueue", old);
    same(&[endpoint(), old, on_endpoint("resend", &json!({ "jobId": "{job}" }))], twice_is_once).await;
}

/// More dead letters than one step takes, of a type that nobody delivers here.
fn many_dead() -> [Ask; 2] {
    let mail = |n: usize| {
        let payload = json!({ "transactionId": format!("e{n}"), "recipientEmail": "a@example.com" });
        json!({ "type": "send_dispute_email", "payload": payload })
    };
    let mails: Vec<Value> = (0..MAX_STEP_LETTERS + 20).map(mail).collect();
    let process = json!({ "action": "process-batch", "limit": 250 });
    [post(PROCESSOR, "/api/jobs/enqueue", mails.into()), post(PROCESSOR, "/api/jobs/process", process)]
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_walk_through_the_dead_letters_treats_each_once() {
    for action in ["redrive", "discard"] {
        let walk = json!({ "action": action, "type": "send_dispute_email", "limit": 1_000 });
        let walk = post(PROCESSOR, "/api/jobs/dead-letter", walk);
        ends_the_same_but_for_records(&[&many_dead()[..], &[walk]].concat()).await;
    }
}

//! Every route that writes, with a crash at each of its calls to Redis, before the call and after it: the caller asks again, the processor goes
//! on, and all ends as it does without a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use devkit::rest::Fault;
use devkit::stripe::LedgerEntry;
use holdfast::domain::signing_secret::SigningSecrets;
use holdfast::domain::webhook_signature;
use http::Method;
use serde_json::{Value, json};

use crate::escrow_bench::{ADMIN, PARTNER, PROCESSOR, RESEND_SECRET, Reply, Shop, order, text};

/// The secret that endpoints are made with.
pub(crate) const FIRST_SECRET: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=";

/// One request; `{escrow}`, `{job}`, `{intent}` and `{endpoint}` in it are what the requests before it made.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    bearer: &'static str,
    path: &'static str,
    body: Value,
}

pub(crate) fn post(bearer: &'static str, path: &'static str, body: Value) -> Ask {
    Ask { method: Method::POST, bearer, path, body }
}

fn on(bearer: &'static str, path: &'static str, more: &Value) -> Ask {
    let mut body = json!({ "escrowId": "{escrow}" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(bearer, path, body)
}

/// What was made so far.
#[derive(Default)]
struct Made {
    names: BTreeMap<&'static str, String>,
}

impl Made {
    async fn send(&mut self, t: &Shop, number: usize, ask: &Ask) -> Reply {
        let fill = |text: String| self.names.iter().fold(text, |text, (name, value)| text.replace(name, value));
        let (path, body) = (fill(ask.path.to_owned()), fill(ask.body.to_string()));
        let reply = match ask.path {
            "/api/webhooks/stripe" => t.event(t.events("payment_intent.succeeded").first().unwrap()).await,
            "/api/webhooks/email" => mail_event(t, &body).await,
            _ => {
                let (bearer, key) = (format!("Bearer {}", ask.bearer), format!("key-{number}"));
                let headers = [("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
                t.send(ask.method.clone(), &path, &headers, body.as_bytes()).await
            }
        };
        let fields =
            [("{escrow}", "escrowId"), ("{intent}", "paymentIntentId"), ("{job}", "jobId"), ("{endpoint}", "id")];
        for (name, field) in fields {
            if let Some(value) = reply.body[field].as_str() {
                self.names.insert(name, value.to_owned());
            }
        }
        reply
    }
}

async fn mail_event(t: &Shop, body: &str) -> Reply {
    let seconds = t.bench.clock.now().0 / 1_000;
    let secrets = SigningSecrets::parse(RESEND_SECRET).unwrap();
    let signature = webhook_signature::sign(&secrets, "msg_1", seconds, body);
    let at = seconds.to_string();
    let headers = [("svix-id", "msg_1"), ("svix-timestamp", at.as_str()), ("svix-signature", signature.as_str())];
    t.send(Method::POST, "/api/webhooks/email", &headers, body.as_bytes()).await
}

/// What counts in the end.
#[derive(Debug, PartialEq)]
pub(crate) struct End {
    /// Jobs by type, status and how often they were brought back from the dead letters.
    pub(crate) jobs: BTreeMap<String, usize>,
    escrows: Vec<String>,
    ledger: LedgerEntry,
    /// What is set, by key.
    set: BTreeMap<String, Value>,
    /// The ids under which webhooks are sent again.
    webhooks: BTreeSet<String>,
}

/// What is set of a partner: of an endpoint not its secret, which is another each time it is replaced, but whether the first one signs.
fn partner(value: &Value) -> Value {
    let shown = |(field, value): (&String, &Value)| {
        let mut endpoint: Value = serde_json::from_str(value.as_str().unwrap()).unwrap_or_else(|_| value.clone());
        if let Some(fields) = endpoint.as_object_mut() {
            fields.retain(|name, _| ["url", "events", "enabled"].contains(&name.as_str()));
            fields.insert("firstSecretSigns".into(), value.as_str().unwrap().contains(FIRST_SECRET).into());
            return endpoint;
        }
        json!({ field: endpoint })
    };
    let fields = value.as_object().unwrap().iter();
    fields.filter(|(field, _)| *field != "version").map(shown).collect()
}

/// Lets the processor work off everything, and looks.
async fn end(t: &Shop) -> End {
    for _ in 0..4 {
        t.bench.advance(Duration::from_secs(61));
        let headers = [("authorization", "Bearer processor-token")];
        let reply =
            t.send(Method::POST, "/api/jobs/process", &headers, br#"{"action":"process-batch","limit":50}"#).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let (mut jobs, mut escrows, mut set, mut webhooks) =
        (BTreeMap::new(), Vec::new(), BTreeMap::new(), BTreeSet::new());
    for (key, value) in t.bench.state().await {
        if key.starts_with("job:") {
            let document: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
            let (kind, status) = (text(&document["type"]), text(&document["status"]));
            let lives = document["history"].as_array().map_or(0, Vec::len);
            // Without the time, which is another in each run.
            let webhook_id = document["payload"]["webhookId"].as_str();
            webhooks.extend(webhook_id.and_then(|id| id.splitn(3, '-').nth(2)).map(str::to_owned));
            // A fallback that ran was not withdrawn; what it did is in the ledger.
            if !kind.starts_with("stripe_") {
                *jobs.entry(format!("{kind} {status} {lives}")).or_default() += 1;
            }
        } else if key.starts_with("escrow:") {
            escrows.push(text(&value["state"]));
        } else if key == "queue:control" || key == "mail:suppressed" {
            set.insert(key, value.as_object().unwrap().keys().cloned().collect());
        } else if key.starts_with("partner:") {
            set.insert(key, partner(&value));
        } else if key.starts_with("queue:") && value.is_array() {
            panic!("{key} still has {value}");
        }
    }
    End { jobs, escrows, ledger: t.ledger(), set, webhooks }
}

/// Runs the requests in order, the last with a crash at this call to Redis where one is asked for. Tells whether it came to that.
async fn run(asks: &[Ask], crash: Option<(u64, Fault)>) -> (End, bool) {
    let (t, mut made) = (Shop::new().await, Made::default());
    let (last, before) = asks.split_last().unwrap();
    for (number, ask) in before.iter().enumerate() {
        let reply = made.send(&t, number, ask).await;
        assert!((200..300).contains(&reply.status), "{ask:?}: {reply:?}");
    }
    let mut fired = false;
    if let Some((call, fault)) = crash {
        let seen = t.bench.rest.faults().fired();
        t.bench.rest.faults().crash_at(call, fault);
        drop(made.send(&t, before.len(), last).await);
        fired = t.bench.rest.faults().fired() > seen;
        t.bench.rest.faults().clear();
        t.bench.advance(Duration::from_secs(61));
    }
    let reply = made.send(&t, before.len(), last).await;
    // What was done already is there, or gone.
    let done_before = crash.is_some() && matches!(reply.status, 404 | 409);
    assert!((200..300).contains(&reply.status) || done_before, "{last:?} after {crash:?}: {reply:?}");
    (end(&t).await, fired)
}

/// Runs a scenario once for each of its calls, and each side of it.
pub(crate) async fn ends_the_same(asks: &[Ask]) {
    same(asks, |_| {}).await;
}

/// The same; what an operator asked for twice is on record twice.
pub(crate) async fn ends_the_same_but_for_records(asks: &[Ask]) {
    same(asks, |end| end.jobs.retain(|job, _| !job.starts_with("audit_log_created"))).await;
}

pub(crate) async fn same(asks: &[Ask], leave_out: impl Fn(&mut End)) {
    let (mut expected, _) = run(asks, None).await;
    leave_out(&mut expected);
    let mut points = 0;
    for call in 1.. {
        for fault in [Fault::Refused, Fault::ReplyLost] {
            let (mut ended, fired) = run(asks, Some((call, fault))).await;
            if !fired {
                assert!(points > 1, "{asks:?}: no call");
                return;
            }
            points += 1;
            leave_out(&mut ended);
            assert_eq!(ended, expected, "{asks:?}: call {call}, {fault:?}");
        }
    }
}

fn created() -> Ask {
    let mut body = order();
    body["paymentMethod"] = "pm_card_visa".into();
    post(PARTNER, "/api/escrow/create", body)
}

fn job(kind: &str, payload: &Value) -> Value {
    json!({ "type": kind, "payload": payload, "dedupeKey": format!("k-{kind}") })
}

fn record() -> Value {
    job("audit_log_created", &json!({ "eventData": { "n": 1 } }))
}

/// Nobody delivers mails here, so it dies at its first attempt.
fn mail() -> Value {
    job("send_dispute_email", &json!({ "transactionId": "e", "recipientEmail": "a@example.com" }))
}

fn processed() -> Ask {
    post(PROCESSOR, "/api/jobs/process", json!({ "action": "process-batch" }))
}

#[tokio::test]
async fn a_crash_while_jobs_are_enqueued_cancelled_or_processed_changes_nothing_in_the_end() {
    let enqueue = |body: Value| post(PROCESSOR, "/api/jobs/enqueue", body);
    ends_the_same(&[enqueue(record())]).await;
    ends_the_same(&[enqueue(json!([record(), mail()]))]).await;
    ends_the_same(&[enqueue(json!([record(), mail()])), processed()]).await;
    let cancel = Ask { method: Method::DELETE, bearer: PROCESSOR, path: "/api/jobs/{job}", body: Value::Null };
    let mut later = record();
    later["delayMs"] = 86_400_000.into();
    ends_the_same(&[enqueue(later), cancel]).await;
}

#[tokio::test]
async fn a_crash_while_operators_change_something_changes_nothing_in_the_end() {
    let dead = [post(PROCESSOR, "/api/jobs/enqueue", mail()), processed()];
    for action in ["redrive", "discard"] {
        let change = post(PROCESSOR, "/api/jobs/dead-letter", json!({ "action": action, "all": true }));
        ends_the_same_but_for_records(&[&dead[..], &[change]].concat()).await;
    }
    for body in [
        json!({ "action": "pause", "type": "send_refund_email" }),
        json!({ "action": "limit-rate", "type": "send_refund_email", "jobs": 5, "periodMs": 1_000 }),
    ] {
        ends_the_same_but_for_records(&[post(PROCESSOR, "/api/jobs/control", body)]).await;
    }
}

#[tokio::test]
async fn a_crash_while_an_escrow_is_created_or_moved_changes_nothing_in_the_end() {
    ends_the_same(&[created()]).await;
    for last in [
        on(PARTNER, "/api/escrow/release", &json!({})),
        on(PARTNER, "/api/escrow/release", &json!({ "amount": 7_000 })),
        on(ADMIN, "/api/escrow/refund", &json!({})),
        on(PARTNER, "/api/escrow/dispute", &json!({ "reason": "broken" })),
    ] {
        ends_the_same(&[created(), last]).await;
    }
}

#[tokio::test]
async fn a_crash_while_a_dispute_is_resolved_or_a_release_refunded_changes_nothing_in_the_end() {
    let dispute = on(PARTNER, "/api/escrow/dispute", &json!({}));
    let split = on(ADMIN, "/api/escrow/resolve", &json!({ "resolution": "split", "releaseAmount": 4_000 }));
    ends_the_same(&[created(), dispute, split]).await;
    let release = on(PARTNER, "/api/escrow/release", &json!({}));
    ends_the_same(&[created(), release, on(ADMIN, "/api/escrow/refund", &json!({ "amount": 2_500 }))]).await;
}

#[tokio::test]
async fn a_crash_while_an_event_is_taken_in_changes_nothing_in_the_end() {
    let release = on(PARTNER, "/api/escrow/release", &json!({}));
    ends_the_same(&[created(), release, post("", "/api/webhooks/stripe", Value::Null)]).await;
    let bounced = json!({
        "type": "email.bounced", "created_at": "2026-11-24T10:00:00.000Z",
        "data": { "email_id": "e1", "to": ["a@example.com"], "tags": { "holdfast_job": "{job}", "holdfast_recipient": "1" },
            "bounce": { "type": "Permanent", "subType": "General" } },
    });
    ends_the_same(&[post(PROCESSOR, "/api/jobs/enqueue", mail()), post("", "/api/webhooks/email", bounced)]).await;
}

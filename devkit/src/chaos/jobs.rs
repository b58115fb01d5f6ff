//! Producers: enqueue jobs one by one and in batches, and cancel a few. Each job carries a mark by which the checker knows its effect.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::caller::{Ask, Caller};
use super::evidence::{Accepted, Effect};
use super::world::PROCESSOR_TOKEN;
use crate::clock;

/// Requests under way at once. Chosen: more than a run has at any time while all goes well.
const AT_ONCE: usize = 64;

/// Most jobs in one request.
const BATCH: usize = 10;

/// Enqueues this many jobs, spread over this time.
///
/// # Errors
/// When fewer were accepted: a run that lost none of them would say nothing.
pub(super) async fn produce(caller: &Caller, seed: u64, jobs: usize, over: Duration) -> Result<(), String> {
    let (mut rng, mut made, started) = (Rng::with_seed(seed), 0, Instant::now());
    let (mut requests, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    while made < jobs {
        let size = if rng.u32(..10) == 0 { rng.usize(2..=BATCH) } else { 1 }.min(jobs - made);
        let marks: Vec<usize> = (made..made + size).collect();
        sleep_until(started + over / u32::try_from(jobs).unwrap_or(u32::MAX) * u32::try_from(made).unwrap_or(u32::MAX))
            .await;
        made += size;
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (caller, own) = (caller.clone(), rng.u64(..));
        requests.spawn(async move {
            enqueue(&caller, &mut Rng::with_seed(own), &marks).await;
            drop(place);
        });
        while requests.try_join_next().is_some() {}
    }
    while requests.join_next().await.is_some() {}
    let accepted = caller.accepted.lock().len();
    if accepted < jobs { Err(format!("{accepted} of {jobs} jobs were accepted")) } else { Ok(()) }
}

async fn enqueue(caller: &Caller, rng: &mut Rng, marks: &[usize]) {
    let wanted: Vec<(Effect, Value)> = marks.iter().map(|mark| job(rng, *mark)).collect();
    let bodies: Vec<&Value> = wanted.iter().map(|(_, body)| body).collect();
    let body = if let [only] = bodies.as_slice() { (*only).clone() } else { json!(bodies) };
    let ask = Ask::post("/api/jobs/enqueue", PROCESSOR_TOKEN, String::new(), &body);
    let asked_ms = clock::now_ms();
    let Some((201, answer)) = caller.insist(rng, &ask).await else { return };
    let answers = answer.as_array().cloned().unwrap_or_else(|| vec![answer]);
    for ((mark, (effect, job)), answer) in marks.iter().zip(wanted).zip(answers) {
        let Some(id) = answer["jobId"].as_str() else { continue };
        let cancelled = effect == Effect::Never && cancel(caller, rng, id).await;
        let due_ms = asked_ms + job["delayMs"].as_i64().unwrap_or(0);
        caller.accepted.lock().push(Accepted { id: id.to_owned(), mark: *mark, effect, due_ms, cancelled });
    }
}

async fn cancel(caller: &Caller, rng: &mut Rng, id: &str) -> bool {
    let (path, body) = (format!("/api/jobs/{id}"), String::new());
    let ask = Ask { method: Method::DELETE, path, bearer: PROCESSOR_TOKEN, key: String::new(), body };
    matches!(caller.insist(rng, &ask).await, Some((200 | 204, _)))
}

/// The job of a mark, and how its effect is known.
fn job(rng: &mut Rng, mark: usize) -> (Effect, Value) {
    let (transaction, to) = (format!("chaos-{mark}"), format!("m{mark}@example.com"));
    let mail = json!({ "transactionId": transaction, "recipientEmail": to, "amount": 1_000, "currency": "usd" });
    let (effect, job_type, payload) = match rng.u32(..10) {
        0..3 => (Effect::Mail, "send_payment_confirmed_email", mail),
        3 => (Effect::Mail, "send_release_email", mail),
        4 => (
            Effect::Mail,
            "notify_dispute_resolved",
            json!({ "escrowId": transaction, "resolution": "refund", "recipients": [to, format!("other-{to}")] }),
        ),
        5..8 => (
            Effect::Webhook,
            "webhook_escrow_status_changed",
            json!({ "escrowId": transaction, "statusBefore": "authorized", "statusAfter": "released" }),
        ),
        _ => (Effect::Record, "audit_log_created", json!({ "eventData": { "mark": mark } })),
    };
    let mut job =
        json!({ "type": job_type, "payload": payload, "dedupeKey": format!("chaos-{mark}"), "maxAttempts": 25 });
    match rng.u32(..50) {
        0 => {
            job["delayMs"] = 3_600_000.into();
            (Effect::Never, job)
        }
        1 | 2 => {
            job["delayMs"] = rng.u64(200..8_000).into();
            (effect, job)
        }
        3..6 => {
            job["maxAttempts"] = 1.into();
            (effect, job)
        }
        _ => (effect, job),
    }
}

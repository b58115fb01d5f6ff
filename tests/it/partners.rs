//! Partners' webhook endpoints: managed by operators, told each by a job of its own, disabled when they are gone.

use std::collections::BTreeMap;
use std::time::Duration;

use devkit::rest::Fault;
use devkit::webhooks::{Reply, WebhookSink};
use holdfast::admission::ApiKey;
use holdfast::domain::id::{EndpointId, JobId, PartnerId};
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::Outcome;
use holdfast::partners::{Attempt, Disabled, Partners, Went};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::site::{Answer, TOKEN, call};
use crate::workers_bench::WorkersBench;

const PATH: &str = "/api/partners/shop";
const CHANGE: &str = r#"{"escrowId":"esc_1","statusBefore":"authorized","statusAfter":"released","occurredAt":1800000000000,"partner":"shop"}"#;
const SECRET: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=";

async fn keys(t: &Bench) {
    for (key, role, partner) in [("ops", "admin", "ops"), ("shop-key", "partner", "shop")] {
        let name = format!("{}apikey:{}", t.prefix, ApiKey::presented(key).sha256());
        t.redis(&["HSET", &name, "role", role, "partner", partner, "limit", "100000"]).await;
    }
}

async fn bench() -> WorkersBench {
    let t = WorkersBench::new().await;
    keys(&t.bench).await;
    t
}

async fn ask(t: &WorkersBench, body: &Value) -> Answer {
    call(&t.app, "POST", PATH, &[("authorization", "Bearer ops")], &body.to_string()).await
}

async fn show(t: &WorkersBench, query: &str) -> Value {
    call(&t.app, "GET", &format!("{PATH}{query}"), &[("authorization", "Bearer ops")], "").await.body
}

/// Makes an endpoint at a path of the sink's server and returns its id.
async fn endpoint(t: &WorkersBench, path: &str, more: Value) -> String {
    let mut body = json!({"action": "create-endpoint", "url": format!("{}{path}", t.served[2].url()), "secret": crate::workers_bench::SECRET});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = ask(t, &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().unwrap().to_owned()
}

async fn enqueue(t: &WorkersBench) -> JobId {
    let job = t.bench.job(JobType::WebhookEscrowStatusChanged, CHANGE, JobOptions::default());
    t.bench.queue.enqueue(&[job]).await.unwrap().remove(0).id().clone()
}

async fn process(t: &WorkersBench) -> Value {
    let token = format!("Bearer {TOKEN}");
    call(&t.app, "POST", "/api/jobs/process", &[("authorization", &token)], r#"{"action":"process-batch"}"#).await.body
}

async fn job(t: &WorkersBench, id: &str) -> Value {
    let token = format!("Bearer {TOKEN}");
    call(&t.app, "GET", &format!("/api/jobs/{id}"), &[("authorization", &token)], "").await.body
}

fn paths(sink: &WebhookSink) -> BTreeMap<String, String> {
    let received = sink.received();
    received.iter().map(|one| (one.path.clone(), one.id.clone().unwrap())).collect()
}

#[tokio::test]
async fn an_endpoint_is_made_shown_changed_and_removed_and_its_secret_shown_once() {
    let t = bench().await;
    let url = format!("{}/a", t.served[2].url());
    let made = ask(&t, &json!({"action": "create-endpoint", "url": url, "events": ["escrow.status_changed"]})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (id, secret) = (made.body["id"].as_str().unwrap(), made.body["secret"].as_str().unwrap());
    assert!(id.starts_with("ep_") && secret.starts_with("whsec_"));

    let shown = show(&t, "").await;
    assert_eq!(
        (&shown["partner"], &shown["email"], shown["endpoints"].as_array().unwrap().len()),
        (&json!("shop"), &Value::Null, 1)
    );
    let one = &shown["endpoints"][0];
    assert_eq!((&one["id"], &one["url"], &one["enabled"]), (&json!(id), &json!(url), &json!(true)));
    assert!(one.get("secret").is_none() && !shown.to_string().contains(secret));

    let rotated = ask(&t, &json!({"action": "rotate-secret", "endpoint": id})).await;
    assert_ne!(rotated.body["secret"], secret);
    assert!(rotated.body["previousSecretUntil"].is_i64());
    let off = ask(&t, &json!({"action": "update-endpoint", "endpoint": id, "enabled": false, "events": []})).await;
    assert_eq!((&off.body["enabled"], &off.body["events"]), (&json!(false), &json!([])));
    let told = ask(&t, &json!({"action": "set-email", "email": "ops@shop.example"})).await;
    assert_eq!(told.body["email"], "ops@shop.example");
    assert_eq!(ask(&t, &json!({"action": "delete-endpoint", "endpoint": id})).await.body, json!({"deleted": id}));
    assert_eq!(show(&t, "").await["endpoints"], json!([]));

    let records = t.bench.at("stats:counters").await["audit_log_created:enqueued"].clone();
    assert_eq!(records, "5", "each change is on record");
    let state = t.bench.state().await;
    for (key, value) in &state {
        assert!(!key.starts_with("job:") || !value.to_string().contains("whsec_"), "a record with a secret: {key}");
    }
}

#[tokio::test]
async fn what_is_no_endpoint_is_refused_and_nothing_is_written() {
    let t = bench().await;
    let url = format!("{}/a", t.served[2].url());
    endpoint(&t, "/a", json!({})).await;
    let before = t.bench.state().await;
    let create = |url: &str| json!({"action": "create-endpoint", "url": url});
    let cases = [
        (create("http://partner.example/"), 422, "invalid_url"),
        (create("https://169.254.169.254/latest"), 422, "invalid_url"),
        (create("https://user:pass@partner.example/"), 422, "invalid_url"),
        (create("https://2130706433/"), 422, "invalid_url"),
        (create("nonsense"), 422, "invalid_url"),
        (create(&format!("https://partner.example/{}", "x".repeat(2_000))), 422, "invalid_url"),
        (create(&url), 409, "endpoint_exists"),
        (json!({"action": "create-endpoint"}), 422, "missing_field"),
        (json!({"action": "create-endpoint", "url": "https://a.example/", "secret": "whsec_x"}), 422, "invalid_field"),
        (json!({"action": "create-endpoint", "url": "https://a.example/", "events": ["x"]}), 422, "invalid_field"),
        (json!({"action": "create-endpoint", "url": "https://a.example/", "other": 1}), 422, "unknown_field"),
        (json!({"action": "update-endpoint", "endpoint": "ep_none"}), 404, "unknown_endpoint"),
        (json!({"action": "update-endpoint", "endpoint": "a b"}), 422, "invalid_id"),
        (json!({"action": "resend", "endpoint": "ep_none", "jobId": "job-1"}), 404, "unknown_endpoint"),
        (json!({"action": "set-email", "email": "no"}), 422, "invalid_field"),
        (json!({"action": "burn"}), 422, "unknown_action"),
    ];
    for (body, status, code) in cases {
        assert_eq!(ask(&t, &body).await.problem(), (status, code), "{body}");
    }
    for (key, expected) in [("shop-key", (403, "role_required")), ("nobody", (401, "wrong_token"))] {
        let headers = [("authorization", format!("Bearer {key}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = call(&t.app, "POST", PATH, &headers, &create("https://a.example/").to_string()).await;
        assert_eq!(answer.problem(), expected);
        assert_eq!(call(&t.app, "GET", PATH, &headers, "").await.problem(), expected);
    }
    let mut after = t.bench.state().await;
    let rates = |state: &BTreeMap<String, Value>| {
        state.keys().filter(|key| key.starts_with("apikey_rate")).cloned().collect::<Vec<_>>()
    };
    for key in rates(&after) {
        after.remove(&key);
    }
    assert_eq!(after, before.into_iter().filter(|(key, _)| !key.starts_with("apikey_rate")).collect());
}

#[tokio::test]
async fn a_change_is_told_to_each_endpoint_that_wants_it_by_a_job_of_its_own() {
    let t = bench().await;
    let a = endpoint(&t, "/a", json!({})).await;
    let b = endpoint(&t, "/b", json!({"events": ["escrow.status_changed"]})).await;
    endpoint(&t, "/c", json!({"events": ["escrow.authorization_expiring"]})).await;
    let off = endpoint(&t, "/d", json!({})).await;
    ask(&t, &json!({"action": "update-endpoint", "endpoint": off, "enabled": false})).await;
    let parent = enqueue(&t).await;

    let report = process(&t).await;

    assert_eq!(report["byType"]["webhook_escrow_status_changed"]["completed"], 3, "{report}");
    let expected = [("/a".to_owned(), format!("{parent}.{a}")), ("/b".to_owned(), format!("{parent}.{b}"))];
    assert_eq!(paths(&t.sink), expected.clone().into());
    assert!(t.sink.received().iter().all(|one| one.verified), "{:?}", t.sink.received());
    let bodies: Vec<Value> = t.sink.received().iter().map(|one| serde_json::from_str(&one.body).unwrap()).collect();
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0]["timestamp"], "2027-01-15T08:00:00.000Z");
    let mut split: Vec<Value> = job(&t, parent.as_str()).await["deliveries"].as_array().unwrap().clone();
    split.sort_by_key(ToString::to_string);
    let mut shown: Vec<Value> = [(&a, &expected[0].1), (&b, &expected[1].1)]
        .map(|(endpoint, job)| json!({"endpoint": endpoint, "jobId": job}))
        .into();
    shown.sort_by_key(ToString::to_string);
    assert_eq!(split, shown);
    let child = job(&t, &expected[0].1).await;
    assert_eq!((&child["status"], &child["deliveries"][0]["status"]), (&json!("completed"), &json!(200)), "{child}");
}

#[tokio::test]
async fn a_partner_without_endpoints_has_the_deployments_own_or_is_told_nothing() {
    let t = bench().await;
    let id = enqueue(&t).await;
    process(&t).await;
    assert_eq!(paths(&t.sink), [("/hooks".to_owned(), id.to_string())].into());
    assert_eq!(job(&t, id.as_str()).await["deliveries"][0]["webhookId"], id.as_str());

    let t = WorkersBench::with(&[("WEBHOOK_URL", "")]).await;
    assert_eq!(t.run("job-1", JobType::WebhookEscrowStatusChanged, CHANGE).await, Outcome::Completed);
    assert_eq!(t.sink.received().len(), 0);
}

#[tokio::test]
async fn a_split_repeated_or_with_its_answer_lost_makes_each_job_once() {
    for fault in [Fault::ReplyLost, Fault::ReplyCut, Fault::StatusAfter(502)] {
        let t = bench().await;
        endpoint(&t, "/a", json!({})).await;
        endpoint(&t, "/b", json!({})).await;
        t.run("job-1", JobType::WebhookEscrowStatusChanged, CHANGE).await;
        t.bench.rest.faults().next_matching("job-2.ep_", fault);

        assert_eq!(t.run("job-2", JobType::WebhookEscrowStatusChanged, CHANGE).await, Outcome::Completed, "{fault:?}");
        endpoint(&t, "/later", json!({})).await;
        assert_eq!(t.run("job-2", JobType::WebhookEscrowStatusChanged, CHANGE).await, Outcome::Completed, "{fault:?}");

        let ready = t.bench.at("queue:webhook_escrow_status_changed").await;
        assert_eq!(ready.as_array().unwrap().len(), 4, "{fault:?} {ready}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_at_once_and_its_partner_mailed_once() {
    let t = bench().await;
    let id = endpoint(&t, "/a", json!({})).await;
    ask(&t, &json!({"action": "set-email", "email": "ops@shop.example"})).await;
    t.sink.replies().next(1, Reply::Status { status: 410, retry_after_secs: None });
    let payload = CHANGE.replace("\"partner\"", &format!("\"endpoint\":\"{id}\",\"partner\""));
    // The mail does not go out at first: the job is tried again for its sake, and the endpoint stays disabled.
    t.outbox.faults().next(1, devkit::fault::Fault::Status { status: 500 });

    let first = t.fail("job-1", JobType::WebhookEscrowStatusChanged, &payload).await;
    let shown = show(&t, "").await["endpoints"][0].clone();
    let second = t.run("job-1", JobType::WebhookEscrowStatusChanged, &payload).await;
    let third = t.run("job-2", JobType::WebhookEscrowStatusChanged, &payload).await;

    assert!(first.kind.is_retryable(), "{first}");
    assert_eq!((&shown["enabled"], &shown["disabledBecause"]), (&json!(false), &json!("gone")));
    assert_eq!((second, third), (Outcome::Completed, Outcome::Completed), "told nothing more");
    assert_eq!(t.sink.received().len(), 1);
    let mails = t.outbox.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].draft.to, ["ops@shop.example"]);
    assert!(mails[0].draft.text.as_deref().unwrap().contains(&id));

    let on = ask(&t, &json!({"action": "update-endpoint", "endpoint": id, "enabled": true})).await;
    assert_eq!((&on.body["enabled"], &on.body["disabledBecause"]), (&json!(true), &Value::Null));
    assert_eq!(t.run("job-3", JobType::WebhookEscrowStatusChanged, &payload).await, Outcome::Completed);
    assert_eq!(t.sink.received().len(), 2);
}

fn attempt(n: u32) -> Attempt {
    Attempt {
        at: crate::bench::START,
        job_id: JobId::parse(format!("job-{n}")).unwrap(),
        attempt: 1,
        webhook_id: format!("job-{n}"),
        event: "escrow.status_changed".to_owned(),
        status: Some(500),
        ms: 3,
        answer: "no".to_owned(),
        error: Some("status 500".to_owned()),
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_disabled_and_one_delivery_begins_anew() {
    let t = Bench::new().await;
    let partners = Partners::new(t.upstash(), t.queue.clone(), t.clock.clone());
    let id = EndpointId::parse("ep_1").unwrap();
    let note = async |n, went| partners.note_attempt(Some(&id), &attempt(n), went).await.unwrap();
    let day = Duration::from_hours(24);

    assert_eq!(note(1, Went::Failed).await, None);
    t.advance(4 * day);
    assert_eq!(note(2, Went::Failed).await, None);
    assert_eq!(note(3, Went::Delivered).await, None);
    t.advance(4 * day);
    for n in 4..9 {
        assert_eq!(note(n, Went::Failed).await, None);
        t.advance(day);
    }
    assert_eq!(note(9, Went::Failed).await, Some(Disabled { at: t.clock.now() }));
    let own = partners.note_attempt(None, &attempt(1), Went::Gone).await.unwrap();
    assert_eq!(own, None, "the deployment's own is never disabled");
}

#[tokio::test]
async fn two_failures_days_apart_with_nothing_between_them_do_not_disable_an_endpoint() {
    let t = Bench::new().await;
    let partners = Partners::new(t.upstash(), t.queue.clone(), t.clock.clone());
    let id = EndpointId::parse("ep_1").unwrap();
    let note = async |n| partners.note_attempt(Some(&id), &attempt(n), Went::Failed).await.unwrap();
    assert_eq!(note(1).await, None);

    t.advance(Duration::from_hours(6 * 24));

    assert_eq!(note(2).await, None);
    let since = t.clock.now().to_string();
    assert_eq!(t.at("endpoint:ep_1").await["failing_since"], since);
    t.advance(Duration::from_hours(1));
    assert_eq!(note(3).await, None);
    assert_eq!(t.at("endpoint:ep_1").await["failing_since"], since, "a run of failures keeps its beginning");
}

#[tokio::test]
async fn the_last_fifty_attempts_are_kept_and_one_whose_answer_was_lost_counts_once() {
    let t = Bench::new().await;
    let partners = Partners::new(t.upstash(), t.queue.clone(), t.clock.clone());
    let id = EndpointId::parse("ep_1").unwrap();
    for n in 0..55 {
        if n % 10 == 5 {
            t.fault(Fault::ReplyLost);
        }
        partners.note_attempt(Some(&id), &attempt(n), Went::Delivered).await.unwrap();
    }
    let kept = partners.attempts(Some(&id)).await.unwrap();
    let jobs: Vec<String> =
        kept.iter().map(|one| serde_json::from_str::<Attempt>(one.get()).unwrap().job_id.to_string()).collect();
    assert_eq!(jobs, (5..55).rev().map(|n| format!("job-{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failed_delivery_shows_what_the_server_said_and_is_sent_again_under_its_id() {
    let t = bench().await;
    let id = endpoint(&t, "/a", json!({})).await;
    let parent = enqueue(&t).await;
    t.sink.replies().next(1, Reply::Status { status: 422, retry_after_secs: None });
    process(&t).await;
    let child = format!("{parent}.{id}");
    let failed = job(&t, &child).await;
    assert_eq!(
        (&failed["status"], &failed["deliveries"][0]["status"]),
        (&json!("dead_letter"), &json!(422)),
        "{failed}"
    );
    assert!(failed["deliveries"][0]["answer"].is_string() && failed["deliveries"][0]["ms"].is_u64());

    for job_id in [child.as_str(), parent.as_str()] {
        let again = ask(&t, &json!({"action": "resend", "endpoint": id, "jobId": job_id})).await;
        assert_eq!((again.status, &again.body["webhookId"]), (202, &json!(child)), "{again:?}");
    }
    process(&t).await;

    let received = t.sink.received();
    assert_eq!(received.len(), 3);
    assert!(
        received.iter().all(|one| one.id.as_deref() == Some(&child) && one.body == received[0].body),
        "{received:?}"
    );
    let attempts = show(&t, &format!("?endpoint={id}")).await;
    assert_eq!(attempts["attempts"].as_array().unwrap().len(), 3);
    let foreign = ask(&t, &json!({"action": "resend", "endpoint": id, "jobId": "job-none"})).await;
    assert_eq!(foreign.problem(), (404, "unknown_job"));
}

#[tokio::test]
async fn a_test_and_a_webhook_sent_again_are_sent_once_under_one_idempotency_key() {
    let t = bench().await;
    let (id, other) = (endpoint(&t, "/a", json!({})).await, endpoint(&t, "/b", json!({})).await);
    let parent = enqueue(&t).await;
    let under = async |key: &str, body: &Value| {
        let headers = [("authorization", "Bearer ops"), ("idempotency-key", key)];
        call(&t.app, "POST", PATH, &headers, &body.to_string()).await
    };
    let test = json!({"action": "test", "endpoint": id});
    let resend = json!({"action": "resend", "endpoint": id, "jobId": parent});
    for (key, body) in [("press-1", &test), ("press-2", &resend)] {
        let first = under(key, body).await;
        assert_eq!(first.status, 202, "{first:?}");
        t.bench.advance(Duration::from_secs(1));
        let again = under(&format!("\"{key}\""), body).await;
        assert_eq!((again.status, &again.body), (202, &first.body));
        let elsewhere = under(key, &json!({"action": "test", "endpoint": other})).await;
        assert_eq!(elsewhere.status, 202, "{elsewhere:?}");
        assert_ne!(elsewhere.body["jobId"], first.body["jobId"], "another request");
    }
    let queue = t.bench.at("queue:webhook_escrow_status_changed").await;
    assert_eq!(queue.as_array().unwrap().len(), 5, "the webhook, the test, the one sent again, and two others");

    assert_eq!(under("a b", &test).await.problem(), (400, "idempotency_key_invalid"));
}

#[tokio::test]
async fn a_test_whose_answer_is_lost_says_whether_the_same_call_again_is_safe() {
    let t = bench().await;
    let id = endpoint(&t, "/a", json!({})).await;
    let parent = enqueue(&t).await;
    for body in
        [json!({"action": "test", "endpoint": id}), json!({"action": "resend", "endpoint": id, "jobId": parent})]
    {
        for (key, retry) in [(None, "may_do_twice"), (Some("press"), "same_key")] {
            let key = key.map(|key| ("idempotency-key", key));
            let headers: Vec<_> = [("authorization", "Bearer ops")].into_iter().chain(key).collect();
            for _ in 0..10 {
                // The call that enqueues, however often it is made; other calls name no queue.
                t.bench.rest.faults().next_matching("queue:webhook_escrow_status_changed", Fault::StatusAfter(502));
            }
            let answer = call(&t.app, "POST", PATH, &headers, &body.to_string()).await;
            t.bench.rest.faults().clear();
            assert_eq!((answer.problem(), &answer.body["retry"]), ((503, "outcome_unknown"), &json!(retry)), "{body}");
        }
    }
}

#[tokio::test]
async fn a_test_is_told_whatever_the_filter_and_tried_once() {
    let t = bench().await;
    let id = endpoint(&t, "/a", json!({"events": ["escrow.authorization_expiring"]})).await;
    let asked = ask(&t, &json!({"action": "test", "endpoint": id})).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    process(&t).await;
    let body: Value = serde_json::from_str(&t.sink.received()[0].body).unwrap();
    assert_eq!(body["type"], "webhook.test");
    assert_eq!(job(&t, asked.body["jobId"].as_str().unwrap()).await["maxAttempts"], 1);
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign() {
    let t = bench().await;
    let id = endpoint(&t, "/a", json!({})).await;
    ask(&t, &json!({"action": "rotate-secret", "endpoint": id, "secret": SECRET})).await;
    for secret in [crate::workers_bench::SECRET, SECRET] {
        t.sink.set_secrets(vec![secret.to_owned()]);
        ask(&t, &json!({"action": "test", "endpoint": id})).await;
        process(&t).await;
        assert!(t.sink.received().last().unwrap().verified, "{secret}");
    }
}

#[tokio::test]
async fn a_change_of_what_was_changed_since_it_was_read_is_refused() {
    use holdfast::partners::{Changed, PartnerChange};
    let t = bench().await;
    let id = endpoint(&t, "/a", json!({})).await;
    let (partners, shop) = (t.app.partners().unwrap(), PartnerId::parse("shop").unwrap());
    let known = partners.read(&shop).await.unwrap().endpoints[&id].clone();
    ask(&t, &json!({"action": "update-endpoint", "endpoint": id, "enabled": false})).await;
    let record = t.bench.job(JobType::AuditLogCreated, crate::bench::PAYLOAD, JobOptions::default());
    let change = PartnerChange::Endpoint {
        id: &known.id,
        stored: Some(&known.stored),
        endpoint: Some(&known.endpoint),
        version: None,
        forgets: true,
    };
    let before = t.bench.state().await;

    assert_eq!(partners.change(&shop, change, &record).await.unwrap(), Changed::Outdated);

    assert_eq!(t.bench.state().await, before);
}

#[tokio::test]
async fn a_partners_address_is_taken_away_by_null_and_not_by_leaving_it_out() {
    let t = bench().await;
    ask(&t, &json!({"action": "set-email", "email": "ops@shop.example"})).await;

    let left_out = ask(&t, &json!({"action": "set-email"})).await;
    assert_eq!(left_out.problem(), (422, "missing_field"));
    assert_eq!(left_out.body["detail"], "email is missing; expected an e-mail address, or null for none");
    assert_eq!(show(&t, "").await["email"], "ops@shop.example");

    let taken = ask(&t, &json!({"action": "set-email", "email": null})).await;
    assert_eq!((taken.status, &taken.body["email"]), (200, &Value::Null));
}

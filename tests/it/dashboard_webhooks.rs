//! What the dashboard shows of partners' endpoints, of what they answered, and of addresses that are not written to.

use devkit::webhooks::Reply;
use holdfast::domain::id::{EndpointId, JobId, PartnerId};
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::outbound::guard::Guard;
use holdfast::partners::NewEndpoint;
use serde_json::json;

use crate::bench::Bench;
use crate::dashboard_bench::Browser;
use crate::site::{TOKEN, call};
use crate::workers_bench::{SECRET, WorkersBench};

const CHANGE: &str = r#"{"escrowId":"esc_1","statusBefore":"authorized","statusAfter":"released","occurredAt":1800000000000,"partner":"shop"}"#;

/// SHA-256 of jane@example.com.
const JANE: &str = "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d";

async fn endpoint(t: &WorkersBench) -> EndpointId {
    let (shop, url) = (PartnerId::parse("shop").unwrap(), t.served[2].url());
    let guard = Guard::new(&[t.served[2].addr().to_string()]);
    let manager = t.app.partners().unwrap().manage(&shop, guard, t.bench.recorder()).await.unwrap();
    let secret = Some(holdfast::domain::endpoint::EndpointSecret::parse(SECRET).unwrap());
    manager.create(NewEndpoint { url, events: Vec::new(), secret }).await.unwrap().id
}

async fn told(t: &WorkersBench) -> JobId {
    let job = t.bench.job(JobType::WebhookEscrowStatusChanged, CHANGE, JobOptions::default());
    let id = t.bench.queue.enqueue(&[job]).await.unwrap().remove(0).id().clone();
    let token = format!("Bearer {TOKEN}");
    for _ in 0..2 {
        let body = r#"{"action":"process-batch"}"#;
        call(&t.app, "POST", "/api/jobs/process", &[("authorization", &token)], body).await;
    }
    id
}

#[tokio::test]
async fn a_webhooks_page_leads_to_its_endpoints_job_and_that_to_what_was_answered() {
    let t = WorkersBench::new().await;
    let endpoint = endpoint(&t).await;
    t.sink.replies().next(1, Reply::Status { status: 500, retry_after_secs: None });
    let id = told(&t).await;
    let browser = Browser::signed_in(t.app.clone(), TOKEN).await;

    let page = browser.get(&format!("job={id}")).await.text;
    let child = format!("{id}.{endpoint}");
    assert!(page.contains(&format!(r#"<a class="id" href="?job={child}">"#)), "{page}");
    assert!(page.contains(r#"href="?partner=shop""#), "{page}");
    let page = browser.get(&format!("job={child}")).await.text;
    assert!(
        page.contains("What the endpoint answered") && page.contains(r#"<span class="pill bad">500</span>"#),
        "{page}"
    );

    let page = browser.get("partner=shop").await.text;
    assert!(page.contains("failing, first ") && page.contains(&t.served[2].url()), "{page}");
    let page = browser.get(&format!("partner=shop&endpoint={endpoint}")).await.text;
    assert!(page.contains(&format!(r#"href="?job={child}""#)) && page.contains(">500<"), "{page}");
    assert!(!page.contains("whsec_"), "{page}");
}

#[tokio::test]
async fn a_partner_or_endpoint_that_is_none_is_told_so() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    assert!(browser.get("partner=nobody").await.text.contains("None of its own"));
    assert_eq!(browser.get("partner=nobody&endpoint=ep_1").await.status, 404);
    for query in ["partner=a%20b", "partner=a&endpoint=%20", "partner=", "view=other"] {
        assert_eq!(browser.get(query).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn a_suppressed_address_is_listed_by_its_hash_and_lifted_by_its_button_on_record() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    assert!(browser.get("view=suppressed").await.text.contains("mails are sent to every address"));
    t.redis(&["ZADD", &format!("{}mail:suppressed", t.prefix), "9007199254740991", JANE]).await;
    let page = browser.get("view=suppressed").await.text;
    assert!(page.contains(JANE) && page.contains("for good") && page.contains("complained"), "{page}");

    let page = browser.act("view=suppressed", &[("action", &format!("lift {JANE}"))]).await;

    assert!(page.text.contains("Mails are sent to this address again."), "{}", page.text);
    let records = t.claim(10).await.jobs;
    let payload = records[0].document.as_ref().unwrap().payload.get();
    let event: serde_json::Value = serde_json::from_str(payload).unwrap();
    assert_eq!(event["eventData"]["subject"], json!({"kind": "suppression", "id": JANE}));
    assert_eq!(browser.post("view=suppressed", &[("action", &format!("lift {JANE}"))]).await.status, 404);
    assert_eq!(browser.post("view=suppressed", &[("action", "lift jane")]).await.status, 422);
}

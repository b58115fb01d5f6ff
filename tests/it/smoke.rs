//! A whole escrow as a shop drives it, over HTTP: at the deployment that `SMOKE_URL` names, and at a stack of this test's own where it names none.
//!
//! A deployment needs Stripe's test key; its mails go to an address at which Resend accepts all and delivers nothing.

use std::time::Duration;

use clap::Parser;
use devkit::stack::{Stack, StackOptions};
use holdfast::edge::Dice;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// What the deployment is told apart by, next to `SMOKE_URL`.
const VARIABLES: [&str; 3] = ["SMOKE_API_KEY", "SMOKE_ADMIN_KEY", "SMOKE_PROCESSOR_TOKEN"];

/// How long a release's side effects may take. Chosen: a minute until Vercel's or the schedule's next run, and half of one for the run itself.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);

/// Where the calls go, and as whom.
struct Target {
    http: reqwest::Client,
    url: String,
    shop: String,
    admin: String,
    processor: String,
    /// Part of every idempotency key: a second run is no repetition of the first.
    run: String,
}

impl Target {
    fn new(url: &str, [shop, admin, processor]: [String; 3]) -> Self {
        let http = holdfast::outbound::client().unwrap();
        let run = format!("smoke-{}", Dice::Real.claim_id());
        Self { http, url: url.trim_end_matches('/').to_owned(), shop, admin, processor, run }
    }

    async fn call(&self, method: &str, path: &str, token: &str, key: &str, body: &Value) -> (u16, Value) {
        let call = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let call = call.header(AUTHORIZATION, format!("Bearer {token}")).timeout(Duration::from_mins(1));
        let call = call.header("idempotency-key", format!("{}-{key}", self.run));
        let call = if method == "POST" { call.body(body.to_string()) } else { call };
        let answer = call.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {status}, no JSON: {text}"));
        (status, body)
    }

    async fn post(&self, token: &str, key: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call("POST", path, token, key, body).await;
        assert!([200, 201, 202].contains(&status), "POST {path}: {status} {answer}");
        answer
    }

    async fn create(&self, key: &str, amount: i64) -> Value {
        let order = json!({
            "amount": amount, "currency": "usd", "description": "A smoke test", "paymentMethod": "pm_card_visa",
            "buyerEmail": "delivered+buyer@resend.dev", "sellerEmail": "delivered+seller@resend.dev",
        });
        self.post(&self.shop, key, "/api/escrow/create", &order).await
    }

    /// Reads the escrow until it is in `state` and none of its jobs has anything left to do, with the processor called in between: so this
    /// shows that jobs are done, and `/api/health` whether the cron sees to it.
    async fn settled(&self, id: &Value, state: &str) -> Value {
        let path = format!("/api/escrow/{}", id.as_str().unwrap());
        let mut last = Value::Null;
        let asked = timeout(SETTLED_WITHIN, async {
            let mut looks = interval(Duration::from_millis(500));
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                self.post(&self.processor, "process", "/api/jobs/process", &json!({"action": "process-batch"})).await;
                let (status, escrow) = self.call("GET", &path, &self.shop, "read", &Value::Null).await;
                assert_eq!(status, 200, "GET {path}: {escrow}");
                let jobs = escrow["jobStatuses"].as_array().unwrap();
                let dead = jobs.iter().find(|job| job["status"] == "dead_letter");
                if let Some(job) = dead {
                    let path = format!("/api/jobs/{}", job["id"].as_str().unwrap());
                    let (_, job) = self.call("GET", &path, &self.processor, "job", &Value::Null).await;
                    panic!("a job of the escrow is a dead letter, {}: {}", job["type"], job["lastError"]);
                }
                let over = jobs.iter().all(|job| ["completed", "cancelled"].iter().any(|end| job["status"] == *end));
                last = escrow;
                if over && last["status"] == state {
                    return;
                }
            }
        });
        assert!(asked.await.is_ok(), "not {state} with all of its jobs done after {SETTLED_WITHIN:?}: {last}");
        last
    }
}

/// The scenario: one escrow paid out whole, one disputed and split, and what must be refused.
async fn drive(target: &Target) {
    let (status, health) = target.call("GET", "/api/health", "", "health", &Value::Null).await;
    assert_eq!((status, &health["status"]), (200, &json!("ok")), "{health}");
    let (status, refused) = target.call("POST", "/api/escrow/create", "nobody's-key", "refused", &json!({})).await;
    assert_eq!((status, &refused["code"]), (401, &json!("wrong_token")), "{refused}");

    let paid = target.create("order", 10_000).await;
    assert_eq!(paid["status"], "authorized", "{paid}");
    assert_eq!(paid["amounts"], json!({"held": 10_000, "released": 0, "refunded": 0, "remaining": 10_000}));
    let again = target.create("order", 10_000).await;
    assert_eq!(again["escrowId"], paid["escrowId"], "the same call under the same key");
    let id = &paid["escrowId"];
    target.post(&target.shop, "release", "/api/escrow/release", &json!({"escrowId": id})).await;
    let released = target.settled(id, "released").await;
    assert_eq!(released["amounts"], json!({"held": 10_000, "released": 10_000, "refunded": 0, "remaining": 0}));
    let (status, refused) =
        target.call("POST", "/api/escrow/release", &target.shop, "release-again", &json!({"escrowId": id})).await;
    assert_eq!((status, &refused["state"]), (409, &json!("released")), "{refused}");

    let second = target.create("order-2", 5_000).await;
    let id = &second["escrowId"];
    let dispute = json!({"escrowId": id, "reason": "a smoke test"});
    target.post(&target.shop, "dispute", "/api/escrow/dispute", &dispute).await;
    let split = json!({"escrowId": id, "resolution": "split", "releaseAmount": 3_000});
    let (status, refused) = target.call("POST", "/api/escrow/resolve", &target.shop, "own", &split).await;
    assert_eq!(status, 403, "a partner does not decide its own dispute: {refused}");
    target.post(&target.admin, "resolve", "/api/escrow/resolve", &split).await;
    let resolved = target.settled(id, "partially_refunded").await;
    assert_eq!(resolved["amounts"], json!({"held": 5_000, "released": 3_000, "refunded": 2_000, "remaining": 0}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the deployment is named by whoever starts the test")]
async fn a_whole_escrow_goes_through_at_smoke_url_or_here() {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(url) = variable("SMOKE_URL") {
        let needed = |name: &str| variable(name).unwrap_or_else(|| panic!("SMOKE_URL is set, so {name} must be, too"));
        return drive(&Target::new(&url, VARIABLES.map(needed))).await;
    }
    let arguments = ["dev", "--port", "0", "--rest-port", "0", "--no-cron"];
    let stack = Stack::start(StackOptions::parse_from(arguments)).await.unwrap();
    let keys = ["dev-partner-key", "dev-admin-key", "dev-processor-token"].map(str::to_owned);
    drive(&Target::new(&stack.url().unwrap(), keys)).await;
    stack.stop().await;
}

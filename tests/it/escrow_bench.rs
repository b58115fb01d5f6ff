//! What the tests of escrows stand on: every route in this process, before a Redis and a Stripe sandbox of the test's own.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use devkit::serve::{Served, serve};
use devkit::stripe::{LedgerEntry, StripeOptions, StripeSandbox};
use hmac::{Hmac, KeyInit, Mac};
use holdfast::admission::ApiKey;
use holdfast::app::App;
use holdfast::config::{self, Config};
use holdfast::edge::Clock;
use holdfast::http::{ROUTES, Request};
use holdfast::upstash::keys::Keys;
use http::Method;
use serde_json::{Value, json};

use crate::bench::Bench;

pub(crate) const PARTNER: &str = "hf_test_partner";
pub(crate) const OTHER: &str = "hf_test_other";
pub(crate) const ADMIN: &str = "hf_test_admin";
pub(crate) const CRON: &str = "cron-secret";
pub(crate) const RESEND_SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
pub(crate) const PROCESSOR: &str = "processor-token";
const WEBHOOK_SECRET: &str = "whsec_of_the_test";

/// A shop with its escrows.
pub(crate) struct Shop {
    pub(crate) bench: Bench,
    pub(crate) stripe: StripeSandbox,
    pub(crate) app: App,
    /// What the app is configured with.
    pub(crate) variables: BTreeMap<&'static str, String>,
    served: Served,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Shop {
    pub(crate) async fn new() -> Self {
        let mut bench = Bench::new().await;
        // Stripe's sandbox lives in the present, and says when an authorisation ends.
        bench.clock = Clock::fixed(Clock::Real.now());
        let stripe = StripeSandbox::new(StripeOptions::default());
        let served = serve(stripe.router()).await.unwrap();
        let set: BTreeMap<&'static str, String> = BTreeMap::from([
            (config::KV_REST_API_URL, bench.rest.url()),
            (config::KV_REST_API_TOKEN, bench.rest.token().to_owned()),
            (config::KEY_PREFIX, bench.prefix.clone()),
            (config::STRIPE_SECRET_KEY, "sk_test_dev".to_owned()),
            (config::STRIPE_BASE_URL, served.url()),
            (config::STRIPE_WEBHOOK_SECRET, WEBHOOK_SECRET.to_owned()),
            (config::JOB_PROCESSOR_SECRET_TOKEN, PROCESSOR.to_owned()),
            (config::CRON_SECRET, CRON.to_owned()),
            (config::RESEND_WEBHOOK_SECRET, RESEND_SECRET.to_owned()),
        ]);
        let app = App::new(Config::from_lookup(|name| set.get(name).cloned()), bench.clock.clone(), bench.dice.clone());
        let shop = Self { bench, stripe, app: app.unwrap(), variables: set, served };
        for (key, role, partner) in [(PARTNER, "partner", "shop"), (OTHER, "partner", "other"), (ADMIN, "admin", "ops")]
        {
            shop.add_key(key, role, partner).await;
        }
        shop
    }

    /// The address of Stripe's API.
    pub(crate) fn stripe_url(&self) -> String {
        self.served.url()
    }

    async fn add_key(&self, key: &str, role: &str, partner: &str) {
        let name = Keys::new(&self.bench.prefix).api_key(&ApiKey::presented(key).sha256());
        self.bench.redis(&["HSET", &name, "role", role, "partner", partner]).await;
    }

    /// Sends a request to its route, as a platform does.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = http::Request::builder().method(method.clone()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = Request::new(request.body(()).unwrap().into_parts().0, Bytes::copy_from_slice(body));
        let exact = ROUTES.into_iter().find(|route| route.path == path);
        let route = exact.or_else(|| ROUTES.into_iter().find(|route| route.matches(path))).unwrap();
        let response = route.call(&self.app, request).await;
        let headers = response.headers().iter();
        let headers: BTreeMap<String, String> =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let status = response.status().as_u16();
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        crate::openapi::assert_described(method.as_str(), route.path, status, &headers["content-type"], &body);
        Reply { status, headers, body }
    }

    /// Posts `body` with an API key and an idempotency key.
    pub(crate) async fn post(&self, api_key: &str, key: &str, path: &str, body: &Value) -> Reply {
        let bearer = format!("Bearer {api_key}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        self.send(Method::POST, path, &headers, body.to_string().as_bytes()).await
    }

    pub(crate) async fn get(&self, api_key: &str, id: &str) -> Reply {
        let bearer = format!("Bearer {api_key}");
        self.send(Method::GET, &format!("/api/escrow/{id}"), &[("authorization", &bearer)], b"").await
    }

    pub(crate) async fn create(&self, method: &str) -> Reply {
        let mut body = order();
        if !method.is_empty() {
            body["paymentMethod"] = method.into();
        }
        self.post(PARTNER, "create", "/api/escrow/create", &body).await
    }

    /// Returns the id of an escrow of 100.00 USD whose money is held.
    pub(crate) async fn authorized(&self) -> String {
        let created = self.create("pm_card_visa").await;
        assert_eq!((created.status, &created.body["status"]), (201, &json!("authorized")), "{created:?}");
        text(&created.body["escrowId"])
    }

    /// Returns the id of an escrow that is released.
    pub(crate) async fn released(&self) -> String {
        let id = self.authorized().await;
        let released = self.post(PARTNER, "release", "/api/escrow/release", &json!({ "escrowId": id })).await;
        assert_eq!((released.status, &released.body["status"]), (200, &json!("released")), "{released:?}");
        id
    }

    /// Lets the clock run on and the processor do the jobs at Stripe that are due.
    pub(crate) async fn fallbacks(&self) -> Value {
        let reply = self.try_fallbacks().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body
    }

    /// The same, where Redis or Stripe may be out of reach.
    pub(crate) async fn try_fallbacks(&self) -> Reply {
        self.bench.advance(Duration::from_secs(61));
        let body = json!({ "action": "process-batch", "types": ["stripe_capture_payment", "stripe_refund_payment"] });
        let bearer = format!("Bearer {PROCESSOR}");
        let headers = [("authorization", bearer.as_str())];
        self.send(Method::POST, "/api/jobs/process", &headers, body.to_string().as_bytes()).await
    }

    /// Hands in one of Stripe's events, signed.
    pub(crate) async fn event(&self, event: &Value) -> Reply {
        let body = event.to_string();
        let seconds = self.bench.clock.now().0 / 1_000;
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
        mac.update(format!("{seconds}.{body}").as_bytes());
        let hex = mac.finalize().into_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let signature = format!("t={seconds},v1={hex}");
        self.send(Method::POST, "/api/webhooks/stripe", &[("stripe-signature", &signature)], body.as_bytes()).await
    }

    /// Returns Stripe's events of one type, oldest first.
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        self.stripe.event_log().into_iter().filter(|event| event["type"] == kind).collect()
    }

    /// Captures or refunds as somebody would in Stripe's dashboard.
    pub(crate) async fn dashboard(&self, intent: &str, refund: bool, amount: i64) {
        let (path, form) = if refund {
            ("/v1/refunds".to_owned(), format!("payment_intent={intent}&amount={amount}"))
        } else {
            (format!("/v1/payment_intents/{intent}/capture"), format!("amount_to_capture={amount}"))
        };
        let request = self.bench.http.post(format!("{}{path}", self.served.url())).bearer_auth("sk_test_dev");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        // Refused where there is nothing to capture or refund; a fault may be waiting for it.
        drop(request.send().await);
    }

    /// Pays for an escrow past this service.
    pub(crate) async fn pay(&self, id: &str) {
        let form = format!(
            "amount=10000&currency=usd&capture_method=manual&confirm=true&payment_method=pm_card_visa\
             &automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never\
             &metadata[escrow_id]={id}"
        );
        let url = format!("{}/v1/payment_intents", self.served.url());
        let request = self.bench.http.post(url).bearer_auth("sk_test_dev");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        assert!(request.send().await.unwrap().status().is_success());
    }

    pub(crate) fn ledger(&self) -> LedgerEntry {
        self.stripe.ledger().into_values().next().unwrap_or_default()
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        text(&self.get(ADMIN, id).await.body["status"])
    }

    /// Returns how many jobs of each type were ever enqueued, those withdrawn taken off.
    pub(crate) async fn jobs(&self) -> BTreeMap<String, i64> {
        let mut jobs: BTreeMap<String, i64> = BTreeMap::new();
        let counters = self.bench.at("stats:counters").await;
        for (field, count) in counters.as_object().into_iter().flatten() {
            let (kind, event) = field.split_once(':').unwrap();
            let count: i64 = count.as_str().unwrap().parse().unwrap();
            match event {
                "enqueued" => *jobs.entry(kind.to_owned()).or_default() += count,
                "cancelled" => *jobs.entry(kind.to_owned()).or_default() -= count,
                _ => {}
            }
        }
        jobs.retain(|_, count| *count != 0);
        jobs
    }
}

/// What is needed to create an escrow of 100.00 USD.
pub(crate) fn order() -> Value {
    json!({ "amount": 10_000, "currency": "usd", "buyerEmail": "buyer@example.com", "sellerEmail": "seller@example.com" })
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// Returns held, released, refunded and remaining of an answer.
pub(crate) fn amounts(body: &Value) -> [i64; 4] {
    ["held", "released", "refunded", "remaining"].map(|name| body["amounts"][name].as_i64().unwrap())
}

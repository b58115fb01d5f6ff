//! The workers with everything they reach: Stripe's sandbox, the outbox, the webhook sink and the shared Redis.

use devkit::mail::{MailOptions, Outbox};
use devkit::serve::{Served, serve};
use devkit::stripe::{StripeOptions, StripeSandbox};
use devkit::webhooks::WebhookSink;
use holdfast::app::App;
use holdfast::config::{Config, Secret, UpstashConfig};
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobType, Payload};
use holdfast::domain::outcome::{Failure, Outcome};
use holdfast::edge::Clock;
use holdfast::upstash::Upstash;
use holdfast::workers::{Task, Workers};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::bench::Bench;

/// What the sink verifies with.
pub(crate) const SECRET: &str = "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==";

/// The trace context of every task.
pub(crate) const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) struct WorkersBench {
    pub(crate) bench: Bench,
    pub(crate) stripe: StripeSandbox,
    pub(crate) outbox: Outbox,
    pub(crate) sink: WebhookSink,
    pub(crate) served: [Served; 3],
    pub(crate) workers: Workers,
    /// The whole of it, by the machine's clock.
    pub(crate) app: App,
}

impl Bench {
    pub(crate) fn upstash(&self) -> Upstash {
        let config = UpstashConfig { url: self.rest.url(), token: Secret::new(self.rest.token()) };
        Upstash::new(&config, self.http.clone()).unwrap()
    }
}

impl WorkersBench {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// Makes a bench with some variables set to something else, or to nothing where the value is empty.
    pub(crate) async fn with(set: &[(&str, &str)]) -> Self {
        let bench = Bench::new().await;
        let stripe = StripeSandbox::new(StripeOptions::default());
        let outbox = Outbox::new(MailOptions::default());
        let sink = WebhookSink::new(SECRET);
        let [at_stripe, at_outbox, at_sink] = [stripe.router(), outbox.router(), sink.router()];
        let served = [serve(at_stripe).await.unwrap(), serve(at_outbox).await.unwrap(), serve(at_sink).await.unwrap()];
        let config = Config::from_lookup(|name| {
            if let Some((_, value)) = set.iter().find(|(known, _)| *known == name) {
                return Some((*value).to_owned());
            }
            let value = match name {
                "KV_REST_API_URL" => bench.rest.url(),
                "KV_REST_API_TOKEN" => bench.rest.token().to_owned(),
                "KEY_PREFIX" => bench.prefix.clone(),
                "JOB_PROCESSOR_SECRET_TOKEN" => crate::site::TOKEN.to_owned(),
                "EMAIL_FROM" => "Holdfast <mail@example.com>".to_owned(),
                "RESEND_API_KEY" => "re_dev".to_owned(),
                "RESEND_BASE_URL" | "MAILGUN_BASE_URL" => served[1].url(),
                "STRIPE_SECRET_KEY" => "sk_test_dev".to_owned(),
                "STRIPE_BASE_URL" => served[0].url(),
                "WEBHOOK_URL" => format!("{}/hooks", served[2].url()),
                "WEBHOOK_SIGNING_SECRET" => SECRET.to_owned(),
                "WEBHOOK_ALLOW_PRIVATE" => served[2].addr().to_string(),
                _ => return None,
            };
            Some(value)
        });
        // The sink judges a webhook's age by the real time.
        let app = App::new(config, Clock::Real, bench.dice.clone()).unwrap();
        let workers = app.workers().unwrap();
        Self { bench, stripe, outbox, sink, served, workers, app }
    }

    pub(crate) async fn run(&self, id: &str, job_type: JobType, payload: &str) -> Outcome {
        let id = JobId::parse(id).unwrap();
        let payload = RawValue::from_string(payload.to_owned()).unwrap();
        let payload = Payload::parse(job_type, &payload).unwrap();
        self.workers.run(Task { id: &id, attempt: 1, payload: &payload, traceparent: Some(TRACE) }).await
    }

    /// Runs a job that is expected to fail.
    pub(crate) async fn fail(&self, id: &str, job_type: JobType, payload: &str) -> Failure {
        match self.run(id, job_type, payload).await {
            Outcome::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a form to Stripe as another program would.
    pub(crate) async fn stripe_post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let encoded: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.bench.http.post(format!("{}{path}", self.served[0].url())).bearer_auth("sk_test_dev");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(encoded.join("&"));
        serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    }

    /// Returns the id of a payment of 10.00 usd that Stripe holds.
    pub(crate) async fn held(&self) -> String {
        let form = [
            ("amount", "1000"),
            ("currency", "usd"),
            ("capture_method", "manual"),
            ("confirm", "true"),
            ("payment_method", "pm_card_visa"),
            ("payment_method_types[]", "card"),
        ];
        let intent = self.stripe_post("/v1/payment_intents", &form).await;
        assert_eq!(intent["status"], "requires_capture", "{intent}");
        intent["id"].as_str().unwrap().to_owned()
    }

    /// Returns the id of a payment of 10.00 usd of which `amount` was captured.
    pub(crate) async fn captured(&self, amount: &str) -> String {
        let id = self.held().await;
        let path = format!("/v1/payment_intents/{id}/capture");
        let intent = self.stripe_post(&path, &[("amount_to_capture", amount)]).await;
        assert_eq!(intent["status"], "succeeded", "{intent}");
        id
    }
}

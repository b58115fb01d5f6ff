//! The dev pages, their JSON, and the controls behind them.

use std::time::Duration;

use axum::Router;
use devkit::fault::Fault;
use devkit::mail::{MailOptions, MailStatus, Outbox};
use devkit::serve::{Served, serve};
use devkit::stripe::{StripeOptions, StripeSandbox};
use devkit::webhooks::WebhookSink;
use serde_json::{Value, json};

use crate::mail_bench::mail_to;
use crate::stripe_bench::{CARD, Reply, reply, text};

struct Bench {
    stripe: StripeSandbox,
    outbox: Outbox,
    sink: WebhookSink,
    served: Served,
    client: reqwest::Client,
}

impl Bench {
    async fn new() -> Self {
        let stripe = StripeSandbox::new(StripeOptions::default());
        let outbox = Outbox::new(MailOptions::default());
        let sink = WebhookSink::new("whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==");
        let router = Router::new()
            .nest("/dev/stripe/api", stripe.router())
            .nest("/dev/resend", outbox.router())
            .nest("/dev/webhooks/in", sink.router())
            .merge(stripe.pages("/dev/stripe"))
            .merge(outbox.pages("/dev/outbox"))
            .merge(sink.pages("/dev/webhooks"));
        let served = serve(router).await.unwrap();
        Self { stripe, outbox, sink, served, client: devkit::client::plain(Duration::from_secs(5)) }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.served.url())
    }

    async fn get(&self, path: &str) -> Reply {
        reply(self.client.get(self.url(path)).send().await.unwrap()).await
    }

    async fn control(&self, path: &str, body: Value) -> u16 {
        self.client.post(self.url(path)).json(&body).send().await.unwrap().status().as_u16()
    }

    async fn pay(&self, description: &str) -> String {
        let form = [
            ("amount", "1000"),
            ("currency", "usd"),
            ("capture_method", "manual"),
            ("confirm", "true"),
            ("payment_method", "pm_card_visa"),
            ("description", description),
            CARD[0],
        ];
        let request =
            self.client.post(self.url("/dev/stripe/api/v1/payment_intents")).bearer_auth("sk_test_dev").form(&form);
        text(&reply(request.send().await.unwrap()).await.body["id"])
    }

    async fn mail(&self, subject: &str) -> String {
        let mut mail = mail_to("ann@example.com");
        mail["subject"] = json!(subject);
        mail["html"] = json!("<script>alert(1)</script><p title=\"x\">Hi</p>");
        let request = self.client.post(self.url("/dev/resend/emails")).bearer_auth("re_dev").header("user-agent", "t");
        text(&reply(request.json(&mail).send().await.unwrap()).await.body["id"])
    }
}

#[tokio::test]
async fn the_stand_ins_share_one_server_under_their_paths() {
    let bench = Bench::new().await;
    let id = bench.pay("Vase").await;
    let mail = bench.mail("Hello").await;
    bench.client.post(bench.url("/dev/webhooks/in/partner")).body("{}").send().await.unwrap();

    let stripe = bench.get("/dev/stripe.json").await.body;
    let outbox = bench.get("/dev/outbox.json").await.body;
    let webhooks = bench.get("/dev/webhooks.json").await.body;

    assert_eq!(
        (&stripe["paymentIntents"][0]["id"], &stripe["paymentIntents"][0]["ledger"]["authorisations"]),
        (&json!(id), &json!(1))
    );
    assert_eq!(stripe["calls"][0]["path"], "/v1/payment_intents");
    assert_eq!((&outbox[0]["id"], &outbox[0]["status"]), (&json!(mail), &json!("delivered")));
    assert_eq!((&webhooks[0]["path"], &webhooks[0]["event"]), (&json!("/partner"), &json!({})));
    assert_eq!(bench.sink.received().len(), 1);
}

#[tokio::test]
async fn pages_escape_what_they_show_and_load_nothing() {
    let bench = Bench::new().await;
    bench.pay("<b>Vase</b>").await;
    let mail = bench.mail("<i>Hello</i>").await;

    for path in ["/dev/stripe", "/dev/outbox", "/dev/webhooks", &format!("/dev/outbox/{mail}")] {
        let page = bench.get(path).await;
        let html = text(&page.body);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"), "{path}");
        for raw in ["<b>Vase", "<i>Hello", "<script", "src=\"http", "href=\"http"] {
            assert!(!html.contains(raw), "{path} has {raw}");
        }
    }
    let one = text(&bench.get(&format!("/dev/outbox/{mail}")).await.body);
    assert!(one.contains("<iframe sandbox"));
    assert_eq!(bench.get("/dev/outbox/none").await.status, 404);
}

#[tokio::test]
async fn controls_do_what_the_handles_do() {
    let bench = Bench::new().await;
    let id = bench.pay("Vase").await;
    let mail = bench.mail("Hello").await;

    let fault = json!({ "fault": "answer_lost", "times": 2, "path": "/capture" });
    assert_eq!(bench.control("/dev/stripe/control/faults", fault).await, 204);
    assert_eq!(bench.stripe.faults().pending()[0].what, Fault::AnswerLost);
    assert_eq!(bench.control("/dev/stripe/control/faults/clear", json!({})).await, 204);
    assert_eq!(bench.control(&format!("/dev/stripe/control/payment_intents/{id}/expire"), json!({})).await, 204);
    assert_eq!(bench.control(&format!("/dev/stripe/control/payment_intents/{id}/expire"), json!({})).await, 409);
    assert_eq!(
        bench.control(&format!("/dev/outbox/control/mails/{mail}/event"), json!({ "type": "email.bounced" })).await,
        204
    );
    let reply = json!({ "reply": "status", "status": 503, "retryAfterSecs": 5 });
    assert_eq!(bench.control("/dev/webhooks/control/replies", reply).await, 204);

    assert_eq!(bench.stripe.ledger_of(&id).cancels, 1);
    assert_eq!(bench.outbox.mails()[0].status, MailStatus::Bounced);
    assert_eq!(bench.sink.replies().pending().len(), 1);
}

#[tokio::test]
async fn events_are_held_by_a_control() {
    let bench = Bench::new().await;
    let url = json!({ "url": bench.url("/dev/webhooks/in/mail") });
    assert_eq!(bench.control("/dev/outbox/control/events/url", url).await, 204);
    assert_eq!(bench.control("/dev/outbox/control/events/hold", json!({})).await, 204);
    bench.mail("Hello").await;
    let while_held = bench.sink.received().len();

    assert_eq!(bench.control("/dev/outbox/control/events/release", json!({ "order": "reversed" })).await, 204);

    let received = bench.sink.wait_for(2).await;
    assert_eq!(while_held, 0);
    assert!(received[0].body.contains("email.delivered") && received[1].body.contains("email.sent"));
}

#[tokio::test]
async fn controls_refuse_what_they_do_not_understand() {
    let bench = Bench::new().await;
    let faults = bench.url("/dev/stripe/control/faults");

    let odd = bench.control("/dev/stripe/control/faults", json!({ "fault": "explode" })).await;
    let unknown = bench.control("/dev/stripe/control/nothing", json!({})).await;
    let not_json = bench.client.post(&faults).body("{").send().await.unwrap().status().as_u16();
    let elsewhere = bench
        .client
        .post(&faults)
        .header("sec-fetch-site", "cross-site")
        .form(&[("fault", "hang")])
        .send()
        .await
        .unwrap();

    assert_eq!([odd, unknown, not_json, elsewhere.status().as_u16()], [422, 404, 400, 403]);
    assert_eq!(bench.stripe.faults().pending(), []);
}

#[tokio::test]
async fn a_form_on_the_page_leads_back_to_it() {
    let bench = Bench::new().await;
    let form = [
        ("fault", "rate_limited"),
        ("retryAfterSecs", "3"),
        ("status", "503"),
        ("ms", "1"),
        ("done", "false"),
        ("times", "2"),
        ("path", ""),
    ];

    let planned = bench.client.post(bench.url("/dev/outbox/control/faults")).form(&form).send().await.unwrap();

    assert_eq!((planned.status().as_u16(), &planned.headers()["location"]), (303, &"/dev/outbox".parse().unwrap()));
    let pending = bench.outbox.faults().pending();
    assert_eq!((pending[0].times, &pending[0].what), (2, &Fault::RateLimited { retry_after_secs: 3 }));
}

#[tokio::test]
async fn a_server_that_stopped_leaves_its_port() {
    let bench = Bench::new().await;
    let addr = bench.served.addr();

    bench.served.stop().await;

    assert!(tokio::net::TcpListener::bind(addr).await.is_ok());
}

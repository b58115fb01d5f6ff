//! Nothing that the whole stack logs, however it is used or misused, has a secret or an e-mail address in it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use clap::Parser;
use devkit::fault::Fault as ProviderFault;
use devkit::rest::Fault;
use devkit::stack::{Stack, StackOptions};
use serde_json::{Value, json};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level};
use tracing_subscriber::fmt::MakeWriter;

use crate::dashboard_bench::{encoded, form_token};

const PROCESSOR: &str = "log-scan-processor-token";
const CRON: &str = "log-scan-cron-secret";
const REST: &str = "log-scan-rest-token";

/// Every log line of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Tells what a line has that it must not: one of the secrets, something of a secret's form, or an address that is not masked.
fn leak(line: &str, secrets: &[String]) -> Option<String> {
    let forms = ["whsec_", "sk_test_", "sk_live_", "hf_test_", "hf_live_", "_secret_", "Bearer ", "Basic ", "re_dev"];
    let known = secrets.iter().map(String::as_str).chain(forms).find(|secret| line.contains(secret));
    let is_name = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let is_address =
        |(at, _): (usize, &str)| line[..at].ends_with(is_name) && line[at + 1..].starts_with(char::is_alphanumeric);
    known
        .map(str::to_owned)
        .or_else(|| line.match_indices('@').find(|found| is_address(*found)).map(|_| "an address".to_owned()))
}

#[test]
fn the_scan_finds_what_is_planted() {
    let secrets = ["hunter2-hunter2".to_owned()];
    for planted in
        ["x jane@example.com", r#""to":"a+b@c.de""#, "hunter2-hunter2", "pi_1_secret_2", "whsec_x", "Bearer abc"]
    {
        assert!(leak(planted, &secrets).is_some(), "{planted}");
    }
    for clean in ["j***@example.com", "@", "5 @ 3", "handle@", "no secret here"] {
        assert_eq!(leak(clean, &secrets), None, "{clean}");
    }
}

/// Someone who uses the stack, and remembers every secret that came along.
struct User<'a> {
    stack: &'a Stack,
    http: reqwest::Client,
    secrets: Vec<String>,
}

impl User<'_> {
    async fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Value {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.stack.url().unwrap()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let Ok(response) = request.body(body).send().await else { return Value::Null };
        if let Some(cookie) = response.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            self.secrets
                .extend(cookie.split_once('=').map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty()));
        }
        let bytes = response.bytes().await.unwrap_or_default();
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        for name in ["clientSecret", "secret"] {
            self.secrets.extend(body[name].as_str().map(str::to_owned));
        }
        body
    }

    async fn json(&mut self, path: &str, token: &str, body: Value) -> Value {
        let bearer = format!("Bearer {token}");
        let key = format!("log-scan-{}", self.secrets.len() + body.to_string().len() + path.len());
        self.call("POST", path, &[("authorization", &bearer), ("idempotency-key", &key)], body.to_string()).await
    }

    async fn process(&mut self) {
        self.json("/api/jobs/process", PROCESSOR, json!({"action": "process-batch"})).await;
    }

    async fn mail(&mut self, to: &str) {
        let payload = json!({"transactionId": "t", "recipientEmail": to, "amount": 1, "currency": "usd"});
        let job = json!({"type": "send_release_email", "payload": payload});
        self.json("/api/jobs/enqueue", PROCESSOR, job).await;
    }

    /// Jobs of every fate.
    async fn jobs(&mut self) {
        for fault in [None, Some(ProviderFault::Status { status: 422 }), Some(ProviderFault::Status { status: 503 })] {
            if let Some(fault) = fault {
                self.stack.outbox.faults().next(1, fault);
            }
            self.mail("jane.doe@example.com").await;
            self.process().await;
        }
        for bad in ["nobody at example", "two@x.org, three@y.org", "bounced@example.com"] {
            self.mail(bad).await;
        }
        let webhook = json!({"escrowId": "x", "statusBefore": "a", "statusAfter": "who@example.com"});
        let capture = json!({"paymentIntentId": "pi_of_jane@example.com", "escrowId": "x"});
        let event = json!({"eventData": {"email": "audit@example.com", "token": PROCESSOR}});
        for (kind, payload) in [
            ("webhook_escrow_status_changed", webhook),
            ("stripe_capture_payment", capture),
            ("audit_log_created", event),
        ] {
            let job = json!({"type": kind, "payload": payload, "dedupeKey": "k"});
            self.json("/api/jobs/enqueue", PROCESSOR, job).await;
        }
        self.process().await;
        let all = json!({"action": "redrive", "all": true});
        self.json("/api/jobs/dead-letter", PROCESSOR, all).await;
        self.process().await;
    }

    /// Escrows, and everything that may go wrong with one.
    async fn escrows(&mut self) {
        for method in ["pm_card_visa", "pm_card_chargeDeclined"] {
            let order = json!({"amount": 5_000, "currency": "usd", "buyerEmail": "buyer.one@example.com",
                "sellerEmail": "seller.two@example.com", "description": "for jane@example.com", "paymentMethod": method});
            let escrow = self.json("/api/escrow/create", "dev-partner-key", order).await["escrowId"].clone();
            for (path, token) in
                [("dispute", "dev-partner-key"), ("release", "dev-other-partner-key"), ("resolve", "dev-admin-key")]
            {
                let body = json!({"escrowId": escrow, "resolution": "refund", "reason": "says jane@example.com"});
                let mut body = body;
                if path != "resolve" {
                    body.as_object_mut().unwrap().remove("resolution");
                }
                self.json(&format!("/api/escrow/{path}"), token, body).await;
            }
        }
        let endpoint = format!("{}/dev/webhooks/in?key=hunter2-hunter2", self.stack.url().unwrap());
        self.secrets.push("hunter2-hunter2".to_owned());
        let create = json!({"action": "create-endpoint", "url": endpoint});
        self.json("/api/partners/dev-partner", "dev-admin-key", create).await;
        let email = json!({"action": "set-email", "email": "partner@example.com"});
        self.json("/api/partners/dev-partner", "dev-admin-key", email).await;
        self.process().await;
    }

    /// What nobody should send.
    async fn misuse(&mut self) {
        for token in ["not-the-token-at-all", "dev-partner-key", CRON] {
            self.json("/api/jobs/enqueue", token, json!({"email": "body@example.com"})).await;
            self.json("/api/escrow/release", token, json!({"escrowId": "path@example.com"})).await;
        }
        for path in ["/api/jobs/jane@example.com", "/api/escrow/jane@example.com", "/api/metrics?token=hunter2-hunter2"]
        {
            self.call("GET", path, &[("authorization", "Basic aHVudGVyMjpodW50ZXIy")], String::new()).await;
        }
        let event = json!({"id": "evt_jane@example.com", "type": "email.bounced"}).to_string();
        self.call("POST", "/api/webhooks/stripe", &[("stripe-signature", "t=1,v1=00")], event.clone()).await;
        self.call("POST", "/api/webhooks/email", &[("svix-signature", "v1,AA==")], event).await;
        for fault in [Fault::ReplyLost, Fault::Status(500), Fault::Status(401), Fault::Refused] {
            self.stack.rest().faults().next(fault);
            self.call("GET", "/api/health", &[], String::new()).await;
            self.mail("lost@example.com").await;
        }
        self.stack.rest().faults().clear();
    }

    async fn dashboard(&mut self) {
        let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
        for token in ["mistyped-token-of-mine", PROCESSOR] {
            let body = encoded(&[("action", "sign-in"), ("token", token)]);
            self.call("POST", "/api/dashboard", &form, body).await;
        }
        let cookie = format!("holdfast={}", self.secrets.last().unwrap());
        let page = self.call("GET", "/api/dashboard", &[form[1], ("cookie", &cookie)], String::new()).await;
        let token = form_token(page.as_str().unwrap());
        self.secrets.push(token.clone());
        for fields in
            [[("action", "search"), ("text", "jane.doe@example.com")], [("action", "pause"), ("type", "x@example.com")]]
        {
            let body = encoded(&[&fields[..], &[("form", &token)]].concat());
            let headers = [form[0], form[1], ("cookie", cookie.as_str())];
            self.call("POST", "/api/dashboard", &headers, body).await;
        }
    }
}

#[tokio::test]
async fn no_line_of_a_run_of_everything_has_a_secret_or_an_address_in_it() {
    let log = Log::default();
    // As functions log, and all there is: whoever sets LOG_LEVEL to debug is not to find more than this allows.
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(Level::DEBUG);
    // While there is one subscriber alone, `tracing` asks only the thread that comes by a line first whether anyone wants it, and another test's
    // thread would say no for all.
    let _second = Dispatch::new(NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(lines.with_writer(log.clone()).finish());
    let arguments = ["dev", "--port", "0", "--rest-port", "0", "--no-cron"];
    let mut options = StackOptions::parse_from(arguments);
    (options.processor_token, options.cron_secret, options.rest_token) = (PROCESSOR.into(), CRON.into(), REST.into());
    let stack = Stack::start(options).await.unwrap();
    let known = [
        PROCESSOR,
        CRON,
        REST,
        "dev-partner-key",
        "dev-other-partner-key",
        "dev-admin-key",
        "not-the-token-at-all",
        "mistyped-token-of-mine",
    ];
    let secrets = known.map(str::to_owned).into();
    let mut user = User { stack: &stack, http: holdfast::outbound::client().unwrap(), secrets };

    user.jobs().await;
    user.escrows().await;
    user.misuse().await;
    user.dashboard().await;

    let secrets = user.secrets;
    stack.stop().await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for line in text.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        assert_eq!(leak(line, &secrets), None, "{line}");
    }
    // What was to be logged is there: the scan did not look at nothing.
    for said in [
        "completed job",
        "is a dead letter",
        "will be tried again",
        "answered POST /api/escrow/create",
        "wrong_token",
        "no result",
        "signed in",
    ] {
        assert!(text.contains(said), "{said} in\n{text}");
    }
    assert!(secrets.len() > known.len() + 3, "{} secrets", secrets.len());
}

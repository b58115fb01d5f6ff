//! One request, followed by its trace: into the job, through the log lines, out in the webhook.

use std::io;
use std::sync::{Arc, Mutex};

use devkit::fault::Fault;
use devkit::serve::serve;
use devkit::webhooks::WebhookSink;
use holdfast::app::App;
use holdfast::config::{
    Config, JOB_PROCESSOR_SECRET_TOKEN, KEY_PREFIX, KV_REST_API_TOKEN, KV_REST_API_URL, WEBHOOK_ALLOW_PRIVATE,
    WEBHOOK_SIGNING_SECRET, WEBHOOK_URL,
};
use holdfast::edge::Clock;
use holdfast::telemetry;
use http::Method;
use serde_json::{Value, json};
use tracing::Level;

use crate::bench::Bench;
use crate::escrow_bench::{PARTNER, Shop};
use crate::site::{TOKEN, call};
use crate::workers_bench::{SECRET, TRACE};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// The lines that a test's thread logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn read(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The trace that a line belongs to, by its own fields or its span's.
fn trace_of(line: &Value) -> Option<&str> {
    line["trace.id"].as_str().or(line["span"]["trace.id"].as_str())
}

async fn enqueue_and_process(bench: &Bench, sink_url: &str, allow: &str) {
    let (url, rest) = (format!("{sink_url}/hooks"), bench.rest.url());
    // The sink judges a webhook's age by the real time.
    let config = Config::from_lookup(|name| {
        let value = match name {
            KV_REST_API_URL => rest.clone(),
            KV_REST_API_TOKEN => bench.rest.token().to_owned(),
            KEY_PREFIX => bench.prefix.clone(),
            JOB_PROCESSOR_SECRET_TOKEN => TOKEN.to_owned(),
            WEBHOOK_URL => url.clone(),
            WEBHOOK_SIGNING_SECRET => SECRET.to_owned(),
            WEBHOOK_ALLOW_PRIVATE => allow.to_owned(),
            _ => return None,
        };
        Some(value)
    });
    let app = App::new(config, Clock::Real, bench.dice.clone()).unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("traceparent", TRACE), ("x-request-id", "order-17")];
    let body = r#"{"type":"webhook_escrow_status_changed","payload":{"escrowId":"esc-1","statusBefore":"authorized","statusAfter":"released"}}"#;
    assert_eq!(call(&app, "POST", "/api/jobs/enqueue", &headers, body).await.status, 201);
    let process = call(&app, "POST", "/api/jobs/process", &headers[..1], r#"{"action":"process-batch"}"#).await;
    assert_eq!(process.body["completed"], 1, "{process:?}");
}

#[tokio::test]
async fn a_requests_trace_is_in_its_line_in_its_jobs_lines_and_in_the_webhook() {
    let (bench, sink, lines) = (Bench::new().await, WebhookSink::new(SECRET), Lines::default());
    let served = serve(sink.router()).await.unwrap();
    let writer = lines.clone();
    let _guard = tracing::subscriber::set_default(telemetry::lines(Level::INFO, move || writer.clone()));

    enqueue_and_process(&bench, &served.url(), &served.addr().to_string()).await;

    let received = sink.received().remove(0);
    assert!(received.verified, "{received:?}");
    let sent = received.headers.iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value.as_str());
    assert_eq!(sent, Some(TRACE));
    let lines = lines.read();
    let of_trace: Vec<(&str, &str)> = lines
        .iter()
        .filter(|line| trace_of(line) == Some(TRACE_ID))
        .map(|line| (line["level"].as_str().unwrap(), line["message"].as_str().unwrap()))
        .collect();
    let [(_, request), (_, job)] = of_trace[..] else { panic!("{lines:#?}") };
    assert_eq!(request, "answered POST /api/jobs/enqueue with 201 Created");
    assert!(job.starts_with("completed job job-") && job.ends_with(" on attempt 1"), "{job}");
    assert!(lines.iter().all(|line| line["duration_ms"].is_null() || line["duration_ms"].is_u64()), "{lines:#?}");
    // The processor's own request began a trace of its own: it runs jobs of many.
    let own = lines.iter().find(|line| line["message"] == "processed 1 jobs").and_then(trace_of).unwrap();
    assert_eq!((own.len(), own == TRACE_ID), (32, false), "{lines:#?}");
}

#[tokio::test]
async fn a_line_from_within_a_request_or_a_job_says_what_it_belongs_to() {
    let (bench, lines) = (Bench::new().await, Lines::default());
    let writer = lines.clone();
    let _guard = tracing::subscriber::set_default(telemetry::lines(Level::INFO, move || writer.clone()));
    let app = bench.app_with(&[]);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("traceparent", TRACE), ("x-request-id", "order-17")];
    for _ in 0..8 {
        bench.fault(devkit::rest::Fault::Status(503));
    }

    let body = r#"{"type":"audit_log_created","payload":{"eventData":{}}}"#;
    assert_eq!(call(&app, "POST", "/api/jobs/enqueue", &headers, body).await.status, 503);

    let lines = lines.read();
    let cause = lines.iter().find(|line| line["message"] == "a call to Redis gave no result").unwrap();
    assert_eq!((&cause["span"]["request.id"], trace_of(cause)), (&json!("order-17"), Some(TRACE_ID)), "{cause}");
}

#[tokio::test]
async fn what_a_fallback_brings_to_its_end_is_of_the_trace_of_the_request_that_began_it() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    t.stripe.faults().next(10, Fault::Status { status: 503 });
    let bearer = format!("Bearer {PARTNER}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "release"), ("traceparent", TRACE)];
    let body = json!({ "escrowId": id }).to_string();
    let begun = t.send(Method::POST, "/api/escrow/release", &headers, body.as_bytes()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    t.stripe.faults().clear();

    t.fallbacks().await;

    let shown = t.get(PARTNER, &id).await.body;
    assert_eq!(shown["status"], "released");
    let jobs = shown["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap());
    let mut of_trace = Vec::new();
    for job in jobs {
        let document: Value = serde_json::from_str(t.bench.at(&format!("job:{job}")).await.as_str().unwrap()).unwrap();
        if document["traceparent"] == TRACE {
            of_trace.push(document["type"].as_str().unwrap().to_owned());
        }
    }
    of_trace.sort_unstable();
    of_trace.dedup();
    let expected =
        ["audit_log_created", "send_release_email", "stripe_capture_payment", "webhook_escrow_status_changed"];
    assert_eq!(of_trace, expected);
}

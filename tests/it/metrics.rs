//! `/api/metrics`: what happened is counted once, and the text is one that Prometheus reads.

use std::collections::BTreeSet;
use std::time::Duration;

use devkit::fault::Fault as MailFault;
use devkit::rest::Fault;
use devkit::webhooks::Reply;
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::{FailureKind, Outcome};
use holdfast::processor::{BatchRequest, Processor, TimeBox};
use holdfast::queue::{Settled, Verdict};

use crate::bench::{Bench, failure};
use crate::site::{TOKEN, call};
use crate::workers_bench::WorkersBench;

const PATH: &str = "/api/metrics";

async fn process(t: &Bench) {
    let processor = Processor::new(t.queue.clone(), t.dice.clone());
    let time_box = TimeBox::of(Duration::from_secs(50));
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 10, time_box, until_empty: true };
    processor.process_batch(&request, |_, _, _| async { Outcome::Completed }).await.unwrap();
}

async fn scrape(t: &Bench, accept: &str) -> (String, String) {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("accept", accept)];
    let answer = call(&t.app_with(&[]), "GET", PATH, &headers, "").await;
    assert_eq!(answer.status, 200);
    (answer.text, answer.headers["content-type"].to_str().unwrap().to_owned())
}

/// The value of a sample, as it stands in the text.
fn sample<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

#[tokio::test]
async fn what_happened_to_jobs_is_counted_and_timed() {
    let t = Bench::new().await;
    t.enqueue_many(12).await;
    t.advance(Duration::from_secs(3));
    process(&t).await;
    t.bury(1, FailureKind::Rejected).await;

    let (text, kind) = scrape(&t, "").await;

    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let of = |name: &str| sample(&text, &format!("{name}{{type=\"audit_log_created\"}}")).to_owned();
    assert_eq!((of("holdfast_jobs_enqueued_total"), of("holdfast_jobs_completed_total")), ("13".into(), "12".into()));
    assert_eq!((of("holdfast_jobs_dead_total"), of("holdfast_queue_jobs")), ("1".into(), "0".into()));
    assert_eq!(sample(&text, "holdfast_dead_letters"), "1");
    assert_eq!(
        (of("holdfast_job_duration_seconds_count"), of("holdfast_job_wait_seconds_count")),
        ("12".into(), "12".into())
    );
    let wait = of("holdfast_job_wait_seconds_sum");
    assert!(wait.starts_with("36."), "{wait}");
    let bucket = |le| {
        sample(&text, &format!("holdfast_job_end_to_end_seconds_bucket{{type=\"audit_log_created\",le=\"{le}\"}}"))
            .to_owned()
    };
    assert_eq!((bucket("2.5"), bucket("5.0"), bucket("+Inf")), ("0".into(), "12".into(), "12".into()));
    assert_ne!(sample(&text, "holdfast_upstash_calls_total"), "0");
}

#[tokio::test]
async fn a_settlement_repeated_after_a_lost_answer_is_measured_once() {
    let t = Bench::new().await;
    t.enqueue_many(1).await;
    let job = t.claim_one().await;
    let now = t.clock.now();
    let settlement = t.settlement(&job, Verdict::Complete).measured(&job, now, Some(Duration::from_millis(7)), now);
    t.fault(Fault::ReplyLost);

    t.queue.settle(&[settlement]).await.unwrap();

    let measured = t.queue.measured().await.unwrap();
    assert_eq!((measured["audit_log_created:d:1"], measured["audit_log_created:d:sum"]), (1, 7));
}

#[tokio::test]
async fn a_result_that_counts_for_nothing_is_not_measured() {
    let t = Bench::new().await;
    t.enqueue_many(1).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Release(None)).await;
    t.claim_one().await;
    let now = t.clock.now();
    let late = t.settlement(&job, Verdict::Bury(failure(FailureKind::Timeout)));

    t.queue.settle(&[late.measured(&job, now, Some(Duration::from_millis(7)), now)]).await.unwrap();

    assert!(!t.queue.measured().await.unwrap().contains_key("audit_log_created:d:1"));
}

#[tokio::test]
async fn sums_are_the_same_however_often_they_were_read_between() {
    let t = Bench::new().await;
    for n in 0..150 {
        t.enqueue(JobOptions::default()).await;
        let job = t.claim_one().await;
        let now = t.clock.now();
        let done = t.settlement(&job, Verdict::Complete).measured(&job, now, Some(Duration::from_millis(n % 3)), now);
        t.queue.settle(&[done]).await.unwrap();
        if n % 40 == 0 {
            t.queue.measured().await.unwrap();
        }
    }
    let measured = t.queue.measured().await.unwrap();
    assert_eq!((measured["audit_log_created:d:0"], measured["audit_log_created:d:sum"]), (150, 150));
    // 150 settlements, and no more than a few of them wait to be added up.
    let minute = t.clock.now().0 / 60_000;
    let key = format!("stats:minutes:{}", minute / 60);
    let field = format!("{}:audit_log_created:completed", minute % 60);
    assert_eq!(t.redis(&["HGET", &format!("{}{key}", t.prefix), &field]).await, "150");
    let (quarters, quarter) = (format!("stats:quarters:{}", minute / 1_440), minute % 1_440 / 15);
    let field = format!("{quarter}:audit_log_created:completed");
    assert_eq!(t.redis(&["HGET", &format!("{}{quarters}", t.prefix), &field]).await, "150");
    for key in [key, quarters] {
        assert!(t.ttl(&key).await > 690_000_000);
    }
}

#[tokio::test]
async fn a_time_of_creation_that_cannot_be_counts_as_a_year_at_most() {
    let t = Bench::new().await;
    for (id, created_at) in [("least", i64::MIN), ("most", i64::MAX)] {
        let document =
            format!(r#"{{"type":"audit_log_created","payload":{{"eventData":{{}}}},"createdAt":{created_at}}}"#);
        t.redis(&["SET", &format!("{}job:{id}", t.prefix), &document]).await;
        t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), id]).await;
    }

    process(&t).await;

    let measured = t.queue.measured().await.unwrap();
    let year = 366 * 24 * 3_600_000;
    assert_eq!((measured["audit_log_created:w:sum"], measured["audit_log_created:e:sum"]), (year, year));
    let (text, _) = scrape(&t, "").await;
    assert!(text.contains("holdfast_job_wait_seconds_sum{type=\"audit_log_created\"} 31622400"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_added_up_is_left_out_once_and_keeps_no_job_from_being_settled() {
    let t = Bench::new().await;
    let pending = format!("{}stats:pending", t.prefix);
    for _ in 0..64 {
        t.redis(&["RPUSH", &pending, "30000000 a:sum 5 @w:0 1 w:sum 9223372036854775808"]).await;
    }
    t.enqueue_many(1).await;
    let job = t.claim_one().await;

    assert_eq!(t.settle(&job, Verdict::Complete).await, Settled::Done);

    assert_eq!(t.redis(&["LLEN", &pending]).await, 0);
    let measured = t.queue.measured().await.unwrap();
    assert_eq!((measured["a:sum"], measured.contains_key("w:sum")), (320, false));
    assert_eq!(t.redis(&["HGET", &format!("{}stats:minutes:500000", t.prefix), "0:w:0"]).await, "64");
}

#[tokio::test]
async fn keys_of_measures_that_are_of_another_type_keep_no_job_from_being_settled() {
    for key in ["stats:pending", "stats:measures"] {
        let t = Bench::new().await;
        t.redis(&["SET", &format!("{}{key}", t.prefix), "x"]).await;
        for _ in 0..65 {
            t.enqueue_many(1).await;
            let job = t.claim_one().await;
            assert_eq!(t.settle(&job, Verdict::Complete).await, Settled::Done, "{key}");
        }
    }
}

#[tokio::test]
async fn each_family_is_declared_once_before_its_samples_and_ends_with_its_unit() {
    let t = Bench::new().await;
    process(&t).await;
    for accept in ["", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"] {
        let (text, kind) = scrape(&t, accept).await;
        let open = kind.starts_with("application/openmetrics-text");
        assert_eq!((open, text.ends_with("# EOF\n")), (!accept.is_empty(), !accept.is_empty()));
        let (mut families, mut current) = (BTreeSet::new(), String::new());
        for line in text.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                current = declared.split(' ').next().unwrap().to_owned();
                assert!(families.insert(current.clone()), "{current} twice");
                assert!(open || declared.ends_with("_total counter") == declared.contains(" counter"), "{declared}");
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap();
                assert!(name.starts_with(&current), "{name} under {current}");
                let value = line.rsplit(' ').next().unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
        assert!(families.len() > 20, "{families:?}");
    }
}

#[tokio::test]
async fn the_route_is_closed_without_the_token() {
    let t = Bench::new().await;
    assert_eq!(call(&t.app_with(&[]), "GET", PATH, &[], "").await.problem(), (401, "no_token"));
}

#[tokio::test]
async fn what_was_sent_out_is_counted_by_how_it_went() {
    let t = WorkersBench::new().await;
    t.outbox.faults().next(1, MailFault::Status { status: 500 });
    t.sink.replies().next(1, Reply::Status { status: 410, retry_after_secs: None });
    let mail = r#"{"transactionId":"esc_1","recipientEmail":"jane@example.com"}"#;
    let change = r#"{"escrowId":"esc_1","statusBefore":"authorized","statusAfter":"released"}"#;
    for (job_type, payload) in [(JobType::SendReleaseEmail, mail), (JobType::WebhookEscrowStatusChanged, change)] {
        t.run("job-1", job_type, payload).await;
        t.run("job-1", job_type, payload).await;
    }
    // What the process measured goes along with what it settles next.
    t.bench.enqueue_many(1).await;
    let measures = t.workers.measures().take();

    for (field, times) in
        [("mail:accepted", 1), ("mail:unavailable", 1), ("webhook:delivered", 1), ("webhook:rejected", 1)]
    {
        assert!(measures.contains(&format!("{field} {times}")), "{field}: {measures}");
        t.bench.queue.measures().add(field, times);
    }
    process(&t.bench).await;
    let (text, _) = scrape(&t.bench, "").await;
    for name in [
        "holdfast_mail_deliveries_total{outcome=\"accepted\"}",
        "holdfast_webhook_deliveries_total{outcome=\"rejected\"}",
    ] {
        assert_eq!(sample(&text, name), "1");
    }
}

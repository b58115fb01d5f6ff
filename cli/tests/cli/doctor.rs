//! `doctor` before a whole deployment: well, and with one thing wrong at a time.

use std::net::SocketAddr;

use clap::Parser;
use devkit::redis::{RedisOptions, RedisServer};
use devkit::stack::{Stack, StackOptions};
use holdfast::domain::job::JobType;
use holdfast::edge::Clock;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::{AUDIT, Bench, Ran, rejected};

const TOKEN: &str = "the-processor-token-of-the-test";
const CRON: &str = "the-cron-secret-of-the-test";

/// A deployment in which everything is as it should be.
struct Hospital {
    bench: Bench,
    redis: RedisServer,
    stack: Stack,
}

impl Hospital {
    async fn new() -> Self {
        let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
        let url = format!("redis://{}", redis.addr());
        let arguments = ["dev", "--port", "0", "--rest-port", "0", "--no-cron", "--redis-url", &url];
        let tokens = ["--processor-token", TOKEN, "--cron-secret", CRON];
        let stack = Stack::start(StackOptions::parse_from(arguments.into_iter().chain(tokens))).await.unwrap();
        let site = stack.url().unwrap();
        let mut bench = Bench::before(redis.addr(), String::new()).await;
        bench.variables.extend([
            ("JOB_PROCESSOR_SECRET_TOKEN", TOKEN.to_owned()),
            ("CRON_SECRET", CRON.to_owned()),
            ("JOB_PROCESSOR_URL", format!("{site}/api/jobs/process")),
            ("EMAIL_FROM", "Holdfast <holdfast@shop.test>".to_owned()),
            ("RESEND_API_KEY", "re_dev".to_owned()),
            ("RESEND_BASE_URL", format!("{site}/dev/resend")),
            ("WEBHOOK_URL", format!("{site}/dev/webhooks/in")),
            ("WEBHOOK_SIGNING_SECRET", "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==".to_owned()),
            ("WEBHOOK_ALLOW_PRIVATE", "127.0.0.1:1".to_owned()),
            ("STRIPE_SECRET_KEY", "sk_test_dev".to_owned()),
            ("STRIPE_BASE_URL", format!("{site}/dev/stripe/api")),
            ("STRIPE_WEBHOOK_SECRET", "whsec_of_stripe".to_owned()),
            ("ALERT_EMAIL", "ops@shop.test".to_owned()),
        ]);
        let t = Self { bench, redis, stack };
        t.seen_ago(60_000).await;
        t
    }

    /// Notes that a processor ran so long ago, as its five-minute look does.
    async fn seen_ago(&self, ms: i64) {
        let at = (Clock::Real.now().0 - ms).to_string();
        self.bench.redis(&["SET", "stats:last_run", &at]).await;
    }

    /// Runs the doctor with some variables set otherwise; nothing unsets one.
    async fn with(&mut self, set: &[(&'static str, Option<&str>)]) -> Ran {
        let healthy = self.bench.variables.clone();
        for (name, value) in set {
            match value {
                Some(value) => self.bench.variables.insert(name, (*value).to_owned()),
                None => self.bench.variables.remove(name),
            };
        }
        let ran = self.bench.run(&["--json", "doctor"]).await;
        self.bench.variables = healthy;
        ran
    }

    async fn end(self) {
        self.stack.stop().await;
        self.redis.stop().await;
    }
}

/// Asserts that the doctor found this, said what to do, and showed no value of a secret.
fn finds(ran: &Ran, level: &str, about: &str, found: &str) {
    assert_eq!(ran.code, i32::from(level == "problem"), "{about}: {ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let is_it = |finding: &&Value| {
        finding["level"] == level && finding["about"] == about && finding["found"].as_str().unwrap().contains(found)
    };
    let finding = report["findings"].as_array().unwrap().iter().find(is_it);
    let finding = finding.unwrap_or_else(|| panic!("{about} {found:?} is not among {}", ran.out));
    assert!(finding["cure"].as_str().is_some_and(|cure| !cure.is_empty()), "{finding}");
    for secret in [TOKEN, CRON, "sk_test", "sk_live_x", "aG9sZGZhc3Q", "test-token", "re_dev", "re_wrong"] {
        assert!(!ran.out.contains(secret), "{secret}: {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_is_well_is_said_to_be_and_nothing_is_changed() {
    let t = Hospital::new().await;
    let before = t.bench.state().await;

    let ran = t.bench.run(&["doctor"]).await;

    assert_eq!(ran.code, 0, "{ran:?}");
    for line in [
        "ok       KV_REST_API_URL             set\n",
        "ok       Redis writes                what is written can be read\n",
        "ok       Redis eviction              off: a full store refuses writes and loses nothing\n",
        "ok       processor                   was last seen 1 min ",
        "ok       Stripe                      takes the key\n",
        "ok       Resend                      takes the key\n",
        "ok       deployment                  answers, and takes the processor token\n",
        "\n0 problems, 0 warnings\n",
    ] {
        assert!(ran.out.contains(line), "{line}{ran:?}");
    }
    assert_eq!(t.bench.state().await, before);
    assert!(t.stack.outbox.mails().is_empty());
    t.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_wrong_variable_is_found_with_what_to_do() {
    let mut t = Hospital::new().await;
    let site = t.stack.url().unwrap();
    for (set, level, about, found) in [
        (&[("STRIPE_SECRET_KEY", None)][..], "problem", "STRIPE_SECRET_KEY", "no payment can be made"),
        (&[("EMAIL_FROM", None)], "problem", "EMAIL_FROM", "every mail ends among the dead letters"),
        (&[("RESEND_API_KEY", None)], "problem", "RESEND_API_KEY", "every mail ends among the dead letters"),
        (&[("SMTP_URL", Some("smtps://mail.shop.test"))], "problem", "SMTP_URL", "is set, and so is RESEND_API_KEY"),
        (&[("KV_REST_API_URL", None)], "problem", "KV_REST_API_URL", "there is no store"),
        (&[("JOB_TIME_BOX_MS", Some("5s"))], "problem", "JOB_TIME_BOX_MS", "is not a number of milliseconds"),
        (&[("EMAIL_FROM", Some("Holdfast <holdfast@example.com>"))], "problem", "EMAIL_FROM", "is a placeholder"),
        (
            &[("KV_REST_API_URL", Some("https://your-database.upstash.io"))],
            "problem",
            "KV_REST_API_URL",
            "is a placeholder",
        ),
        (
            &[("STRIPE_SECRET_KEY", Some("sk_live_x"))],
            "problem",
            "STRIPE_BASE_URL",
            "sends a live key to somebody else",
        ),
        (
            &[("STRIPE_SECRET_KEY", Some("sk_live_x"))],
            "problem",
            "STRIPE_SECRET_KEY",
            "the deployment is on this machine",
        ),
        (&[("STRIPE_SECRET_KEY", Some("pk_test_x"))], "problem", "STRIPE_SECRET_KEY", "is a publishable key"),
        (&[("STRIPE_SECRET_KEY", Some("sk_test_rolled"))], "problem", "Stripe", "does not know the key"),
        (&[("RESEND_API_KEY", Some("re_wrong"))], "problem", "Resend", "does not take the key"),
        (&[("CRON_SECRET", Some(TOKEN))], "problem", "CRON_SECRET", "is the same as JOB_PROCESSOR_SECRET_TOKEN"),
        (
            &[("JOB_PROCESSOR_SECRET_TOKEN", Some("another-token-than-deployed"))],
            "problem",
            "deployment",
            "does not take this processor token",
        ),
        (
            &[("JOB_PROCESSOR_SECRET_TOKEN", Some("dev-processor-token"))],
            "problem",
            "JOB_PROCESSOR_SECRET_TOKEN",
            "anyone knows",
        ),
        (&[("KV_REST_API_TOKEN", Some("wrong"))], "problem", "Redis", "WRONGPASS"),
        (&[("KV_REST_API_URL", Some("http://127.0.0.1:1"))], "problem", "Redis", "cannot be reached"),
        (&[("KV_REST_API_URL", Some("http://store.shop.test"))], "problem", "KV_REST_API_URL", "in the clear"),
        (
            &[("WEBHOOK_SIGNING_SECRET", Some("secret"))],
            "problem",
            "WEBHOOK_SIGNING_SECRET",
            "is not whsec_ and base64",
        ),
        (&[("WEBHOOK_SIGNING_SECRET", None)], "problem", "WEBHOOK_SIGNING_SECRET", "no webhook can be signed"),
        (&[("WEBHOOK_URL", None)], "warning", "WEBHOOK_URL", "without endpoints of its own"),
        (&[("WEBHOOK_LEGACY_HEADER", Some("webhook-id"))], "problem", "WEBHOOK_LEGACY_HEADER", "do not have already"),
        (&[("BRAND_LOGO_URL", Some("http://shop.test/l.png"))], "problem", "BRAND_LOGO_URL", "an https address"),
        (
            &[("SUPABASE_URL", Some("http://127.0.0.1:1")), ("SUPABASE_SERVICE_ROLE_KEY", Some("sb_secret_1"))],
            "problem",
            "Supabase",
            "cannot be reached",
        ),
        (&[("CRON_SECRET", None)], "warning", "CRON_SECRET", "Vercel's cron is refused"),
        (&[("JOB_PROCESSOR_URL", None)], "warning", "JOB_PROCESSOR_URL", "wait for the next minute"),
        (&[("ALERT_EMAIL", None)], "warning", "ALERT_EMAIL", "in the log alone"),
    ] {
        let ran = t.with(set).await;
        finds(&ran, level, about, found);
    }
    let outbox = format!("{site}/dev/resend");
    let mailgun = |key| {
        [
            ("RESEND_API_KEY", None),
            ("MAILGUN_API_KEY", Some(key)),
            ("MAILGUN_DOMAIN", Some("mg.shop.test")),
            ("MAILGUN_BASE_URL", Some(&*outbox)),
        ]
    };
    let well = t.with(&mailgun("re_dev")).await;
    assert!(well.code == 0 && well.out.contains("\"Mailgun\""), "{well:?}");
    finds(&t.with(&mailgun("re_wrong")).await, "problem", "Mailgun", "does not take the key");
    let smtp = [("RESEND_API_KEY", None), ("SMTP_URL", Some("smtp://127.0.0.1:1"))];
    finds(&t.with(&smtp).await, "problem", "mail server", "cannot be reached");
    let elsewhere = format!("{site}/api/jobs/proces");
    finds(&t.with(&[("JOB_PROCESSOR_URL", Some(&elsewhere))]).await, "problem", "deployment", "answers 404");
    t.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_loses_jobs_and_a_cron_that_stopped_are_found() {
    let mut t = Hospital::new().await;

    t.seen_ago(2 * 3_600_000).await;
    finds(&t.with(&[]).await, "problem", "processor", "was last seen 2 h ");
    t.bench.redis(&["DEL", "stats:last_run"]).await;
    finds(&t.with(&[]).await, "problem", "processor", "has never been seen");
    t.seen_ago(0).await;

    configure(t.redis.addr(), "CONFIG SET maxmemory-policy allkeys-lru").await;
    finds(&t.with(&[]).await, "problem", "Redis eviction", "allkeys-lru: a full store throws jobs away");
    configure(t.redis.addr(), "CONFIG SET maxmemory-policy noeviction").await;

    t.bench.plant("job-1", JobType::AuditLogCreated, AUDIT).await;
    finds(&t.with(&[]).await, "problem", "oldest due job", "has been due for 2 h 30 min");
    t.bench.bury_all(&rejected()).await;
    finds(&t.with(&[]).await, "warning", "dead letters", "1 dead letter");

    t.bench.run(&["pause", "--all"]).await.text();
    let ran = t.with(&[]).await;
    finds(&ran, "warning", "paused", "every type is not claimed");
    t.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misspelt_name_in_the_file_is_found_and_nobody_is_called_offline() {
    let mut t = Hospital::new().await;
    t.bench.variables.remove("STRIPE_SECRET_KEY");
    t.bench.write(".env", "STRIPE_SECERT_KEY=sk_test_dev\nPATH_TO_SOMETHING=x\n");
    let calls = t.bench.rest.calls();

    let ran = t.bench.run(&["--json", "doctor", "--offline"]).await;

    finds(&ran, "problem", "STRIPE_SECERT_KEY", "is read by nobody; STRIPE_SECRET_KEY is not set");
    assert!(!ran.out.contains("PATH_TO_SOMETHING") && !ran.out.contains("Redis eviction"), "{ran:?}");
    assert_eq!(t.bench.rest.calls(), calls);
    t.end().await;
}

/// Sends Redis a command that its REST API refuses.
async fn configure(redis: SocketAddr, command: &str) {
    let mut stream = tokio::net::TcpStream::connect(redis).await.unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n");
}

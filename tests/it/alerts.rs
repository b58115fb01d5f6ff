//! Alerts: told once when they open and once when they are over, whoever looks and whatever fails.

use std::time::Duration;

use devkit::mail::{MailOptions, Outbox};
use devkit::rest::Fault;
use devkit::serve::serve;
use devkit::webhooks::WebhookSink;
use holdfast::app::App;
use holdfast::config::{
    ALERT_DEAD_LETTERS, ALERT_EMAIL, ALERT_WEBHOOK_URL, Config, EMAIL_FROM, KV_REST_API_TOKEN, KV_REST_API_URL,
    RESEND_API_KEY, RESEND_BASE_URL, WEBHOOK_ALLOW_PRIVATE, WEBHOOK_SIGNING_SECRET,
};
use holdfast::domain::alert::{Alert, Limits};
use holdfast::domain::control::{Rule, Scope};
use holdfast::domain::job::JobOptions;
use holdfast::domain::outcome::FailureKind;
use holdfast::edge::Clock;
use holdfast::queue::Change;
use holdfast::workers::Notice;
use serde_json::{Value, json};

use crate::bench::{Bench, START};
use crate::site::{CRON, call};
use crate::workers_bench::SECRET;

const LIMITS: Limits = Limits { dead_letters: 2, oldest_due: Duration::from_mins(5) };

#[tokio::test]
async fn an_alert_opens_past_its_limit_and_is_resolved_below_it() {
    let t = Bench::new().await;
    let dead = t.bury(2, FailureKind::Rejected).await;
    assert!(t.queue.due_alerts(&LIMITS).await.unwrap().is_empty());
    t.bury(1, FailureKind::Rejected).await;

    let turn = t.queue.due_alerts(&LIMITS).await.unwrap().remove(0);
    assert_eq!((turn.alert, turn.opens, turn.seen.dead_letters), (Alert::DeadLetters, true, 3));
    assert!(t.queue.turn_alert(&turn, "a").await.unwrap());
    assert!(t.queue.due_alerts(&LIMITS).await.unwrap().is_empty());

    t.queue.discard(&t.letters(&dead).await, &Change::default()).await.unwrap();
    let turn = t.queue.due_alerts(&LIMITS).await.unwrap().remove(0);
    assert!(!turn.opens && t.queue.turn_alert(&turn, "b").await.unwrap());
    assert_eq!(t.at("queue:alerts").await, json!({"dead_letters": "resolved b"}));
}

#[tokio::test]
async fn of_several_processors_that_see_it_one_tells_also_when_its_answer_was_lost() {
    let t = Bench::new().await;
    t.bury(3, FailureKind::Rejected).await;
    let turn = t.queue.due_alerts(&LIMITS).await.unwrap().remove(0);
    t.queue.turn_alert(&turn, "warm").await.unwrap();
    t.queue.take_back_alert(&turn, "warm").await.unwrap();
    let turn = t.queue.due_alerts(&LIMITS).await.unwrap().remove(0);
    t.fault(Fault::ReplyLost);

    assert!(t.queue.turn_alert(&turn, "a").await.unwrap());

    assert!(!t.queue.turn_alert(&turn, "b").await.unwrap());
}

#[tokio::test]
async fn a_job_that_has_been_due_for_too_long_is_told_of_though_its_type_is_paused() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    t.queue.set_rules(&[Rule::Paused(Scope::All, true)], &t.recorder()).await.unwrap();
    t.advance(Duration::from_secs(301));

    let turns = t.queue.due_alerts(&LIMITS).await.unwrap();

    assert_eq!((turns.len(), turns[0].alert, turns[0].seen.oldest_due.as_secs()), (1, Alert::OldestDue, 301));
}

#[tokio::test]
async fn the_crons_run_tells_once_an_episode_and_again_where_telling_failed() {
    let t = Bench::new().await;
    t.bury(3, FailureKind::Rejected).await;
    let outbox = Outbox::new(MailOptions::default());
    let served = serve(outbox.router()).await.unwrap();
    let tick = async |mail_url: &str| {
        let app = t.app_with(&[
            (ALERT_DEAD_LETTERS, "2"),
            (ALERT_EMAIL, "oncall@example.com"),
            (EMAIL_FROM, "Holdfast <mail@example.com>"),
            (RESEND_API_KEY, "re_dev"),
            (RESEND_BASE_URL, mail_url),
        ]);
        let answer = call(&app, "GET", "/api/jobs/process", &[("authorization", &format!("Bearer {CRON}"))], "").await;
        assert_eq!(answer.status, 200);
    };
    tick("http://127.0.0.1:1").await;
    tick(&served.url()).await;
    tick(&served.url()).await;
    t.advance(Duration::from_hours(7 * 24));
    tick(&served.url()).await;
    tick(&served.url()).await;

    let subjects: Vec<_> = outbox.mails().into_iter().map(|mail| mail.draft.subject).collect();
    assert_eq!(subjects.len(), 2, "{:?}", outbox.calls());
    assert!(subjects.contains(&"Alert: dead_letters".to_owned()), "{subjects:?}");
    assert!(subjects.contains(&"Resolved: dead_letters".to_owned()), "{subjects:?}");
}

#[tokio::test]
async fn a_webhook_tells_it_signed_as_all_are() {
    let t = Bench::new().await;
    let sink = WebhookSink::new(SECRET);
    let served = serve(sink.router()).await.unwrap();
    let (url, host) = (served.url(), served.addr().to_string());
    let config = Config::from_lookup(|name| match name {
        ALERT_WEBHOOK_URL => Some(url.clone()),
        WEBHOOK_SIGNING_SECRET => Some(SECRET.to_owned()),
        WEBHOOK_ALLOW_PRIVATE => Some(host.clone()),
        KV_REST_API_URL => Some(t.rest.url()),
        KV_REST_API_TOKEN => Some(t.rest.token().to_owned()),
        _ => None,
    });
    // The sink judges a webhook's age by the real time.
    let workers = App::new(config, Clock::Real, t.dice.clone()).unwrap().workers().unwrap();
    let notice = Notice { key: "alert-1", alert: "oldest_due", opens: true, detail: "it is late", at: START };

    workers.tell(notice).await.unwrap();

    let received = sink.received().remove(0);
    assert!(received.verified, "{received:?}");
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["alert"]), (&json!("alert.opened"), &json!("oldest_due")));
    assert_eq!(received.id.as_deref(), Some("alert-1"));
}

#[tokio::test]
async fn a_process_whose_runs_give_no_cause_looks_every_five_minutes_alone_and_a_new_one_at_once() {
    let t = Bench::new().await;
    let mut calls = Vec::new();
    // At whichever minute it begins.
    t.advance(Duration::from_mins(2));
    let app = t.app_with(&[]);
    for run in 0..7 {
        let before = t.rest.calls();
        let new = t.app_with(&[]);
        call(
            if run < 6 { &app } else { &new },
            "GET",
            "/api/jobs/process",
            &[("authorization", &format!("Bearer {CRON}"))],
            "",
        )
        .await;
        calls.push(t.rest.calls() - before);
        t.advance(Duration::from_mins(1));
    }
    // The first call of a script sends its text as well.
    assert_eq!(calls[1..5], [1, 1, 1, 1], "{calls:?}");
    assert_eq!(calls[5..], [2, 2], "{calls:?}");
}

//! Resend's API: what it takes, what it refuses, and how often.

use devkit::fault::Fault;
use serde_json::{Value, json};

use crate::mail_bench::{Bench, mail_to};
use crate::stripe_bench::{reply, text};

#[tokio::test]
async fn a_mail_is_kept_as_it_was_handed_in() {
    let bench = Bench::new().await;
    let mut mail = mail_to("ann@example.com");
    mail["to"] = json!(["ann@example.com", "Bob <bob@example.com>"]);
    mail["reply_to"] = json!("help@holdfast.example");
    mail["headers"] = json!({ "X-Entity-Ref-ID": "e1" });
    mail["tags"] = json!([{ "name": "job", "value": "send_release_email" }]);

    let sent = bench.send_with_key("job-1", &mail).await;
    let read = reply(bench.request("GET", &format!("/emails/{}", text(&sent.body["id"]))).send().await.unwrap()).await;

    let kept = &bench.outbox.mails()[0];
    assert_eq!((sent.status, &sent.body), (200, &json!({ "id": kept.id })));
    assert_eq!(kept.draft.to, ["ann@example.com", "Bob <bob@example.com>"]);
    assert_eq!((kept.draft.html.as_deref(), kept.draft.text.as_deref()), (Some("<p>Hi</p>"), Some("Hi")));
    assert_eq!(kept.draft.headers["X-Entity-Ref-ID"], "e1");
    assert_eq!(bench.outbox.accepted("job-1"), 1);
    assert_eq!((&read.body["object"], &read.body["last_event"]), (&json!("email"), &json!("delivered")));
    assert_eq!(read.body["reply_to"], json!(["help@holdfast.example"]));
}

#[tokio::test]
async fn a_mail_that_lacks_something_is_refused_in_resends_words() {
    let bench = Bench::new().await;
    let without = |field: &str| {
        let mut mail = mail_to("ann@example.com");
        mail.as_object_mut().unwrap().remove(field);
        mail
    };
    let with = |field: &str, value: Value| {
        let mut mail = mail_to("ann@example.com");
        mail[field] = value;
        mail
    };
    let mut bare = without("html");
    bare.as_object_mut().unwrap().remove("text");
    let cases = [
        (without("from"), "missing_required_field"),
        (without("to"), "missing_required_field"),
        (without("subject"), "missing_required_field"),
        (bare, "missing_required_field"),
        (with("to", json!("nobody")), "validation_error"),
        (with("from", json!("pay@holdfast.example\r\nBcc: x@y.example")), "validation_error"),
        (with("to", json!(vec!["a@example.com"; 51])), "validation_error"),
        (with("to", json!(7)), "validation_error"),
        (with("tags", json!([{ "name": "a b", "value": "c" }])), "validation_error"),
    ];

    for (mail, name) in cases {
        let refused = bench.send(&mail).await;
        let error = &refused.body;
        assert_eq!((refused.status, &error["statusCode"], &error["name"]), (422, &json!(422), &json!(name)), "{mail}");
        assert!(error["message"].is_string());
    }
    assert_eq!(bench.outbox.mails(), []);
}

#[tokio::test]
async fn only_a_caller_with_the_key_and_a_name_is_let_in() {
    let bench = Bench::new().await;
    let url = format!("{}/emails", bench.served.url());
    let named = || bench.client.post(&url).header("user-agent", "t").json(&mail_to("a@example.com"));

    let none = reply(named().send().await.unwrap()).await;
    let wrong = reply(named().bearer_auth("re_other").send().await.unwrap()).await;
    let nameless =
        reply(bench.client.post(&url).bearer_auth("re_dev").json(&mail_to("a@example.com")).send().await.unwrap())
            .await;

    assert_eq!((none.status, &none.body["name"]), (401, &json!("missing_api_key")));
    assert_eq!((wrong.status, &wrong.body["name"]), (403, &json!("invalid_api_key")));
    assert_eq!(nameless.status, 403);
    assert_eq!(bench.outbox.mails(), []);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bench = Bench::new().await;

    let mail = reply(bench.request("GET", "/emails/none").send().await.unwrap()).await;
    let path = reply(bench.request("GET", "/nothing").send().await.unwrap()).await;
    let method = reply(bench.request("DELETE", "/emails").send().await.unwrap()).await;
    let not_json = reply(bench.request("POST", "/emails").body("{").send().await.unwrap()).await;

    assert_eq!([mail.status, path.status, method.status, not_json.status], [404, 404, 405, 400]);
    assert_eq!(method.body["name"], "method_not_allowed");
}

#[tokio::test]
async fn a_key_sends_one_mail_and_refuses_another() {
    let bench = Bench::new().await;

    let first = bench.send_with_key("k", &mail_to("a@example.com")).await;
    let second = bench.send_with_key("k", &mail_to("a@example.com")).await;
    let other = bench.send_with_key("k", &mail_to("b@example.com")).await;
    let long = bench.send_with_key(&"k".repeat(257), &mail_to("a@example.com")).await;

    assert_eq!((first.status, &first.body), (200, &second.body));
    assert_eq!((other.status, &other.body["name"]), (409, &json!("invalid_idempotent_request")));
    assert_eq!((long.status, &long.body["name"]), (400, &json!("invalid_idempotency_key")));
    assert_eq!((bench.outbox.accepted("k"), bench.outbox.mails().len()), (1, 1));
}

#[tokio::test]
async fn a_key_whose_call_is_running_is_refused() {
    let bench = Bench::new().await;
    let mail = mail_to("a@example.com");
    bench.outbox.faults().next(1, Fault::Slow { ms: 300 });

    let (slow, meanwhile) = tokio::join!(bench.send_with_key("k", &mail), async {
        while bench.outbox.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        bench.send_with_key("k", &mail).await
    });

    let concurrent = (meanwhile.status, meanwhile.body["name"].clone());
    assert_eq!((slow.status, concurrent), (200, (409, json!("concurrent_idempotent_requests"))));
    assert_eq!(bench.outbox.accepted("k"), 1);
}

#[tokio::test]
async fn a_batch_is_taken_whole_or_not_at_all() {
    let bench = Bench::new().await;
    let batch = |body: Value| bench.request("POST", "/emails/batch").header("idempotency-key", "b").json(&body).send();
    let bad = json!([mail_to("a@example.com"), mail_to("nobody")]);
    let good = json!([mail_to("a@example.com"), mail_to("b@example.com")]);

    let refused = reply(batch(bad).await.unwrap()).await;
    let none_yet = bench.outbox.mails().len();
    let first = reply(batch(good.clone()).await.unwrap()).await;
    let second = reply(batch(good).await.unwrap()).await;

    assert_eq!((refused.status, none_yet), (422, 0));
    assert_eq!((first.status, first.body["data"].as_array().unwrap().len()), (200, 2));
    assert_eq!(first.body, second.body);
    assert_eq!(bench.outbox.mails().len(), 2);
}

#[tokio::test]
async fn faults_say_whether_the_mail_was_taken() {
    let bench = Bench::new().await;
    let mail = mail_to("a@example.com");
    let faults = bench.outbox.faults();
    faults.next(1, Fault::RateLimited { retry_after_secs: 2 });
    faults.next(1, Fault::Status { status: 500 });
    faults.next(1, Fault::BadGateway);
    faults.next(1, Fault::Status { status: 403 });
    faults.next(1, Fault::Status { status: 422 });
    faults.next(1, Fault::Closed);

    let limited = bench.send_with_key("k", &mail).await;
    let mut statuses = vec![limited.status];
    for _ in 0..4 {
        statuses.push(bench.send_with_key("k", &mail).await.status);
    }
    let closed = bench.try_with_key("k", &mail).await;

    assert_eq!(statuses, [429, 500, 502, 403, 422]);
    assert_eq!(
        (&limited.headers["retry-after"], &limited.headers["ratelimit-remaining"]),
        (&"2".parse().unwrap(), &"0".parse().unwrap())
    );
    assert!(closed.is_err());
    assert_eq!(bench.outbox.mails(), []);
}

#[tokio::test]
async fn a_lost_answer_leaves_one_mail_under_its_key() {
    let bench = Bench::new().await;
    let mail = mail_to("a@example.com");
    bench.outbox.faults().next(1, Fault::AnswerLost);
    bench.outbox.faults().next(1, Fault::Crash { done: true });

    let lost = bench.try_with_key("k", &mail).await;
    let crashed = bench.send_with_key("k", &mail).await;
    let again = bench.send_with_key("k", &mail).await;

    assert!(lost.is_err());
    assert_eq!((crashed.status, again.status), (200, 200), "the second call finds the answer under its key");
    assert_eq!(again.body["id"], bench.outbox.mails()[0].id);
    assert_eq!(bench.outbox.accepted("k"), 1);
}

//! What happens to a mail, told to whoever listens.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use devkit::mail::{MailEvent, MailOptions, MailStatus};
use devkit::serve::{Served, serve};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::mail_bench::{Bench, mail_to};
use crate::stripe_bench::text;

type Told = Arc<Mutex<Vec<Value>>>;

async fn listen(bench: &Bench) -> (Told, Served) {
    let told = Told::default();
    let served = serve(Router::new().fallback(post(receive)).with_state(told.clone())).await.unwrap();
    bench.outbox.events().set_url(Some(served.url()));
    (told, served)
}

/// Verifies with the library of the standard, whose headers have another name at Resend.
async fn receive(State(told): State<Told>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut renamed = HeaderMap::new();
    for name in ["id", "timestamp", "signature"] {
        let value: HeaderValue = headers[format!("svix-{name}")].clone();
        renamed.insert(http::HeaderName::try_from(format!("webhook-{name}")).unwrap(), value);
    }
    let webhook = Webhook::new(&MailOptions::default().webhook_secret).unwrap();
    webhook.verify(&body, &renamed).unwrap();
    told.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn the_address_decides_what_happens() {
    let bench = Bench::new().await;
    let (told, _served) = listen(&bench).await;

    for address in ["delivered@resend.dev", "bounced@resend.dev", "complained+7@resend.dev", "delayed@resend.dev"] {
        bench.send(&mail_to(address)).await;
    }
    bench.outbox.events().idle().await;

    let kinds: Vec<_> = told.lock().unwrap().iter().map(|event| text(&event["type"])).collect();
    let expected = [
        "email.sent",
        "email.delivered",
        "email.sent",
        "email.bounced",
        "email.sent",
        "email.delivered",
        "email.complained",
        "email.sent",
        "email.delivery_delayed",
    ];
    assert_eq!(kinds, expected);
    let statuses: Vec<_> = bench.outbox.mails().iter().map(|mail| mail.status).collect();
    assert_eq!(
        statuses,
        [MailStatus::Delivered, MailStatus::Bounced, MailStatus::Complained, MailStatus::DeliveryDelayed]
    );
}

#[tokio::test]
async fn a_mail_is_opened_or_bounced_on_request() {
    let bench = Bench::new().await;
    let (told, _served) = listen(&bench).await;
    let mut mail = mail_to("ann@example.com");
    mail["tags"] = json!([{ "name": "job", "value": "job-1" }]);
    let id = text(&bench.send(&mail).await.body["id"]);

    assert!(bench.outbox.report(&id, MailEvent::Opened));
    assert!(bench.outbox.report(&id, MailEvent::Bounced));
    assert!(!bench.outbox.report("none", MailEvent::Opened));
    bench.outbox.events().idle().await;

    let told = told.lock().unwrap();
    let last = told.last().unwrap();
    assert_eq!((told.len(), &last["type"], &last["data"]["email_id"]), (4, &json!("email.bounced"), &json!(id)));
    assert_eq!(
        (&last["data"]["bounce"]["type"], &last["data"]["tags"]),
        (&json!("Permanent"), &json!({ "job": "job-1" }))
    );
}

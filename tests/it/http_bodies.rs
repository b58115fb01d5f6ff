//! Bodies as callers get them wrong: what they are told, and that nothing is done.

use http::Method;
use serde_json::json;

use crate::escrow_bench::{PARTNER, PROCESSOR, Reply, Shop};

async fn send(t: &Shop, caller: &str, path: &str, body: &str) -> Reply {
    let bearer = format!("Bearer {caller}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    t.send(Method::POST, path, &headers, body.as_bytes()).await
}

#[tokio::test]
async fn a_field_that_stands_twice_is_refused_since_which_is_meant_cannot_be_told() {
    let t = Shop::new().await;
    let order =
        r#"{"amount":100,"amount":10000,"currency":"usd","buyerEmail":"b@example.com","sellerEmail":"s@example.com"}"#;
    let job = r#"{"type":"audit_log_created","payload":{"eventData":{}},"dedupeKey":"a","dedupeKey":"b"}"#;
    let notes = order.replace(r#""amount":100,"#, r#""metadata":{"order":"1","order":"2"},"#);
    let cases = [
        (PARTNER, "/api/escrow/create", order.to_owned(), "amount stands twice in the body", None),
        (PARTNER, "/api/escrow/create", notes, "order stands twice in metadata", None),
        (PROCESSOR, "/api/jobs/enqueue", job.to_owned(), "dedupeKey stands twice in the body", None),
        (PROCESSOR, "/api/jobs/enqueue", format!("[{job}]"), "dedupeKey stands twice in the body", Some(0)),
        (
            PROCESSOR,
            "/api/jobs/control",
            r#"{"action":"pause","all":false,"all":true}"#.to_owned(),
            "all stands twice in the body",
            None,
        ),
    ];
    for (caller, path, body, detail, index) in cases {
        let reply = send(&t, caller, path, &body).await;
        assert_eq!((reply.status, &reply.body["code"]), (422, &json!("invalid_field")), "{body}");
        assert_eq!((&reply.body["detail"], reply.body["index"].as_u64()), (&json!(detail), index), "{body}");
    }
    assert!(t.stripe.calls().is_empty());
    assert!(t.jobs().await.is_empty());
}

#[tokio::test]
async fn a_thousand_jobs_of_300_bytes_go_in_one_call_and_other_routes_take_no_more_than_before() {
    let t = Shop::new().await;
    let job = format!(r#"{{"type":"audit_log_created","payload":{{"eventData":{{"x":"{}"}}}}}}"#, "y".repeat(240));
    assert!(job.len() >= 300);

    let many = send(&t, PROCESSOR, "/api/jobs/enqueue", &format!("[{}]", vec![job.as_str(); 1_000].join(","))).await;
    let space = " ".repeat(256 * 1024);
    let other = send(&t, PROCESSOR, "/api/jobs/process", &format!(r#"{{"action":"process-batch"}}{space}"#)).await;
    let most = 4 * 1024 * 1024;
    let fits = send(&t, PROCESSOR, "/api/jobs/enqueue", &format!("{job}{}", " ".repeat(most - job.len()))).await;
    let too_large = send(&t, PROCESSOR, "/api/jobs/enqueue", &format!("{job}{}", " ".repeat(most))).await;

    assert_eq!((many.status, many.body.as_array().map(Vec::len)), (201, Some(1_000)));
    assert_eq!(fits.status, 201);
    for (refused, limit) in [(other, 262_144), (too_large, most)] {
        let detail = format!("the body is too large, expected at most {limit} bytes");
        assert_eq!((refused.status, &refused.body["detail"]), (413, &json!(detail)));
    }
}

#[tokio::test]
async fn what_a_field_is_refused_for_names_those_of_its_own_action() {
    let t = Shop::new().await;
    for (body, detail) in [
        (
            r#"{"action":"process-batch","type":"audit_log_created"}"#,
            r#""type" is not a field here; expected action, limit or types"#,
        ),
        (
            r#"{"action":"process-type","type":"audit_log_created","types":["audit_log_created"]}"#,
            r#""types" is not a field here; expected action, type or limit"#,
        ),
        (
            r#"{"action":"process-next","type":"audit_log_created","count":1}"#,
            r#""count" is not a field here; expected action, type or limit"#,
        ),
    ] {
        let reply = send(&t, PROCESSOR, "/api/jobs/process", body).await;
        assert_eq!((reply.status, &reply.body["detail"]), (422, &json!(detail)));
    }
}

#[tokio::test]
async fn a_body_that_is_empty_and_a_signature_that_is_not_there_are_said_to_be_so() {
    let t = Shop::new().await;
    for body in ["", " \n"] {
        let reply = send(&t, PROCESSOR, "/api/jobs/enqueue", body).await;
        let said = (&reply.body["code"], &reply.body["detail"]);
        assert_eq!(said, (&json!("invalid_json"), &json!("the body is empty; expected JSON")));
    }
    let headers = "svix-id, svix-timestamp and svix-signature";
    for (path, detail) in [
        ("/api/webhooks/stripe", "the header Stripe-Signature is missing; expected t=...,v1=...".to_owned()),
        (
            "/api/webhooks/email",
            format!("the headers {headers} are not an id, a time in seconds, and v1, with base64 behind it"),
        ),
    ] {
        let reply = send(&t, "", path, "{}").await;
        assert_eq!((reply.status, &reply.body["detail"]), (400, &json!(detail)), "{path}");
    }
}

//! What a call must be to be served at all.

use serde_json::json;

use crate::stripe_bench::{Bench, CARD, reply, text};

/// Parameters of a call.
type Form = &'static [(&'static str, &'static str)];

#[tokio::test]
async fn only_the_secret_key_opens_the_api() {
    let bench = Bench::new().await;
    let url = format!("{}/v1/payment_intents", bench.served.url());

    let none = reply(bench.client.get(&url).send().await.unwrap()).await;
    let wrong = reply(bench.client.get(&url).bearer_auth("sk_test_of_someone_else").send().await.unwrap()).await;
    let bearer = reply(bench.client.get(&url).bearer_auth("sk_test_dev").send().await.unwrap()).await;
    let basic = reply(bench.client.get(&url).basic_auth("sk_test_dev", Some("")).send().await.unwrap()).await;

    assert_eq!([none.status, wrong.status, bearer.status, basic.status], [401, 401, 200, 200]);
    assert_eq!(none.body["error"]["type"], "invalid_request_error");
    assert_eq!(wrong.body["error"]["message"], "Invalid API Key provided: sk_test_***********else");
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_version_asked_for() {
    let bench = Bench::new().await;

    let request = bench.request("GET", "/v1/nothing").header("stripe-version", "2024-06-20");
    let answer = reply(request.send().await.unwrap()).await;

    assert_eq!((answer.status, &answer.body["error"]["type"]), (404, &json!("invalid_request_error")));
    assert!(answer.headers["request-id"].to_str().unwrap().starts_with("req_"));
    assert_eq!(answer.headers["stripe-version"], "2024-06-20");
}

#[tokio::test]
async fn parameters_are_refused_as_stripe_refuses_them() {
    let bench = Bench::new().await;
    let cases: [(Form, &str, &str); 9] = [
        (&[("amount", "500"), ("currency", "usd"), ("colour", "red")], "parameter_unknown", "colour"),
        (&[("currency", "usd")], "parameter_missing", "amount"),
        (&[("amount", "500")], "parameter_missing", "currency"),
        (&[("amount", "5.5"), ("currency", "usd")], "parameter_invalid_integer", "amount"),
        (&[("amount", "0"), ("currency", "usd")], "parameter_invalid_integer", "amount"),
        (&[("amount", ""), ("currency", "usd")], "parameter_invalid_empty", "amount"),
        (&[("amount", "49"), ("currency", "usd")], "amount_too_small", "amount"),
        (&[("amount", "100000000"), ("currency", "usd")], "amount_too_large", "amount"),
        (
            &[("amount", "500"), ("currency", "usd"), ("payment_method", "pm_none")],
            "resource_missing",
            "payment_method",
        ),
    ];

    for (form, code, param) in cases {
        let refused = bench.post("/v1/payment_intents", form).await;
        let error = &refused.body["error"];
        assert_eq!((refused.status, &error["code"], &error["param"]), (400, &json!(code), &json!(param)), "{form:?}");
    }
    assert_eq!(bench.stripe.ledger().len(), 0);
}

#[tokio::test]
async fn parameters_that_exclude_each_other_are_refused() {
    let bench = Bench::new().await;
    let base = [("amount", "500"), ("currency", "usd"), CARD[0]];

    let both = bench
        .post("/v1/payment_intents", &[&base[..], &[("automatic_payment_methods[enabled]", "true")]].concat())
        .await;
    let off_session = bench.post("/v1/payment_intents", &[&base[..], &[("off_session", "true")]].concat()).await;
    let method = bench.post("/v1/payment_intents", &[&base[..], &[("capture_method", "later")]].concat()).await;
    let expand = bench.post("/v1/payment_intents", &[&base[..], &[("expand[]", "customer")]].concat()).await;

    assert_eq!([both.status, off_session.status, method.status, expand.status], [400; 4]);
    assert_eq!(
        method.body["error"]["message"],
        "Invalid capture_method: must be one of automatic, automatic_async, manual"
    );
}

#[tokio::test]
async fn metadata_and_texts_come_back_as_they_were_given() {
    let bench = Bench::new().await;
    let form = [
        ("amount", "500"),
        ("currency", "USD"),
        ("metadata[escrow id]", "é&=+[]"),
        ("description", "Vase, 1 piece"),
        ("transfer_group", "g1"),
        ("receipt_email", "a@example.com"),
        ("statement_descriptor_suffix", "VASE"),
        CARD[0],
    ];

    let created = bench.post("/v1/payment_intents", &form).await;

    let intent = &created.body;
    assert_eq!(intent["metadata"], json!({ "escrow id": "é&=+[]" }));
    assert_eq!(
        (&intent["currency"], &intent["description"], &intent["transfer_group"]),
        (&json!("usd"), &json!("Vase, 1 piece"), &json!("g1"))
    );
    assert_eq!(
        (&intent["receipt_email"], &intent["statement_descriptor_suffix"]),
        (&json!("a@example.com"), &json!("VASE"))
    );
}

#[tokio::test]
async fn json_is_not_a_form() {
    let bench = Bench::new().await;

    let answer =
        reply(bench.request("POST", "/v1/refunds").json(&json!({ "charge": "ch_1" })).send().await.unwrap()).await;

    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bench = Bench::new().await;

    for path in ["/v1/payment_intents/pi_none", "/v1/charges/ch_none", "/v1/refunds/re_none", "/v1/events/evt_none"] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (404, &json!("resource_missing")), "{path}");
    }
    let capture = bench.post("/v1/payment_intents/pi_none/capture", &[]).await;
    assert_eq!(text(&capture.body["error"]["message"]), "No such payment_intent: 'pi_none'");
}

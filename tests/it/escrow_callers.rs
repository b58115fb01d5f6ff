//! Callers: idempotency keys and rate limits.

use std::time::Duration;

use devkit::fault::Fault as StripeFault;
use holdfast::upstash::keys::Keys;
use http::Method;
use serde_json::json;

use crate::escrow_bench::{ADMIN, PARTNER, Shop, order};

const CREATE: &str = "/api/escrow/create";

#[tokio::test]
async fn the_same_request_again_gets_the_first_answer_and_does_nothing() {
    let t = Shop::new().await;
    let first = t.create("pm_card_visa").await;
    let stripe = t.stripe.calls().len();

    let second = t.create("pm_card_visa").await;
    let mut body = order();
    body["paymentMethod"] = "pm_card_visa".into();
    let quoted = t.post(PARTNER, "\"create\"", CREATE, &body).await;

    for again in [&second, &quoted] {
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.headers["idempotent-replayed"], "true");
    }
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(t.stripe.calls().len(), stripe);
}

#[tokio::test]
async fn another_body_or_route_under_the_same_key_is_refused() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let mut other = order();
    other["amount"] = 5_000.into();

    for (path, body) in [(CREATE, other), ("/api/escrow/release", json!({ "escrowId": id }))] {
        let reply = t.post(PARTNER, "create", path, &body).await;
        assert_eq!((reply.status, &reply.body["code"]), (422, &json!("idempotency_key_reused")), "{path}");
    }
    assert_eq!(t.status(&id).await, "authorized");
}

#[tokio::test]
async fn a_key_is_required_and_belongs_to_its_caller() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let bearer = format!("Bearer {PARTNER}");
    let body = json!({ "escrowId": id }).to_string();
    for (headers, code) in [
        (vec![("authorization", bearer.as_str())], "idempotency_key_required"),
        (vec![("authorization", bearer.as_str()), ("idempotency-key", "a b")], "idempotency_key_invalid"),
        (vec![("authorization", bearer.as_str()), ("idempotency-key", "")], "idempotency_key_invalid"),
    ] {
        let reply = t.send(Method::POST, "/api/escrow/release", &headers, body.as_bytes()).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &json!(code)));
    }
    // Another caller's request under the same key is another request.
    let mut order = order();
    order["paymentMethod"] = "pm_card_visa".into();
    let other = t.post(crate::escrow_bench::OTHER, "create", CREATE, &order).await;
    assert_eq!(other.status, 201);
    assert_ne!(other.body["escrowId"], id);
}

#[tokio::test]
async fn a_request_that_still_runs_is_not_run_twice() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let body = json!({ "escrowId": id });
    let release = || t.post(PARTNER, "r", "/api/escrow/release", &body);

    let (one, two, three) = tokio::join!(release(), release(), release());

    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 200 && statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    assert_eq!(t.ledger().captures, 1);
    assert_eq!(t.jobs().await["send_release_email"], 1);
}

#[tokio::test]
async fn refusals_that_did_nothing_are_judged_anew() {
    let t = Shop::new().await;
    let created = t.create("").await;
    let id = created.body["escrowId"].clone();
    let release = async || t.post(PARTNER, "r", "/api/escrow/release", &json!({ "escrowId": id })).await;
    assert_eq!(release().await.body["code"], "illegal_move");
    assert_eq!(release().await.body["code"], "illegal_move");
}

#[tokio::test]
async fn a_key_may_make_so_many_calls_a_minute_and_is_told_how_many_are_left() {
    let t = Shop::new().await;
    let first = t.get(PARTNER, "esc_unknown").await;
    assert_eq!(first.headers["ratelimit-policy"], "\"key\";q=100;w=60");
    assert_eq!(first.headers["ratelimit"], "\"key\";r=99;t=60");
    t.bench.advance(Duration::from_secs(20));
    for _ in 0..99 {
        assert_eq!(t.get(PARTNER, "esc_unknown").await.status, 404);
    }

    let limited = t.get(PARTNER, "esc_unknown").await;

    assert_eq!((limited.status, &limited.body["code"]), (429, &json!("rate_limited")));
    assert_eq!(
        (limited.headers["retry-after"].as_str(), limited.headers["ratelimit"].as_str()),
        ("40", "\"key\";r=0;t=40")
    );
    assert_eq!(t.get(crate::escrow_bench::OTHER, "esc_unknown").await.status, 404);
    t.bench.advance(Duration::from_secs(40));
    assert_eq!(t.get(PARTNER, "esc_unknown").await.status, 404);
}

/// Has the record of a request run out, as it does after 24 hours.
async fn forget(t: &Shop, caller: &str, key: &str) {
    let record = Keys::new(&t.bench.prefix).idempotency(caller, key);
    assert_eq!(t.bench.redis(&["DEL", &record]).await, json!(1));
}

#[tokio::test]
async fn a_key_used_for_another_request_is_refused_after_its_record_ran_out_too() {
    let t = Shop::new().await;
    let id = t.released().await;
    let refund = async |amount: i64| {
        t.post(ADMIN, "k", "/api/escrow/refund", &json!({ "escrowId": id, "amount": amount })).await
    };
    let first = refund(1_000).await;
    assert_eq!(first.status, 200);

    forget(&t, "admin-ops", "k").await;
    let other = refund(2_500).await;
    let same = refund(1_000).await;

    assert_eq!((other.status, &other.body["code"]), (422, &json!("idempotency_key_reused")), "{other:?}");
    assert_eq!((same.status, &same.body), (200, &first.body));
    assert_eq!(t.ledger().refunded, 1_000);
}

#[tokio::test]
async fn the_key_of_a_creation_whose_record_ran_out_releases_nothing() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    forget(&t, "partner-shop", "create").await;

    let release = t.post(PARTNER, "create", "/api/escrow/release", &json!({ "escrowId": id })).await;

    assert_eq!((release.status, &release.body["code"]), (422, &json!("idempotency_key_reused")), "{release:?}");
    assert_eq!(t.status(&id).await, "authorized");
}

#[tokio::test]
async fn another_request_under_the_key_of_one_that_is_under_way_does_not_go_on_with_it() {
    let t = Shop::new().await;
    let id = t.released().await;
    let refund = async |amount: i64| {
        t.post(ADMIN, "k", "/api/escrow/refund", &json!({ "escrowId": id, "amount": amount })).await
    };
    t.stripe.faults().next(1, StripeFault::Closed);
    assert_eq!(refund(1_000).await.status, 202);

    forget(&t, "admin-ops", "k").await;
    let other = refund(2_500).await;

    assert_eq!((other.status, &other.body["code"]), (422, &json!("idempotency_key_reused")), "{other:?}");
    assert_eq!((t.status(&id).await.as_str(), t.ledger().refunded), ("refunding", 0));
    assert_eq!(refund(1_000).await.status, 200);
}

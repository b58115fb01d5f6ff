//! Every route with every kind of caller: who is let in, and that no answer tells more than it must.

use std::collections::{BTreeMap, BTreeSet};

use holdfast::domain::outcome::FailureKind;
use holdfast::http::ROUTES;
use http::Method;
use serde_json::Value;

use crate::escrow_bench::{ADMIN, CRON, OTHER, PARTNER, PROCESSOR, Reply, Shop};

/// The callers, in the order of the columns below. The first shows nothing, the second a token that is nobody's.
const CALLERS: [&str; 7] = ["", "not-the-token", PARTNER, OTHER, ADMIN, PROCESSOR, CRON];

/// A request that is in order, and what each caller is answered.
struct Case {
    method: &'static str,
    /// `{escrow}` is one of PARTNER's whose money is held, `{job}` a job, `{dead}` a dead letter.
    path: &'static str,
    body: &'static str,
    /// Nobody, a wrong token, the escrow's partner, another partner, an admin, the processor's token, the cron's secret.
    answers: [u16; 7],
}

const fn case(method: &'static str, path: &'static str, body: &'static str, answers: [u16; 7]) -> Case {
    Case { method, path, body, answers }
}

/// Routes for operators: the processor's token alone.
const OPERATOR: [u16; 7] = [401, 401, 401, 401, 401, 200, 401];

#[rustfmt::skip]
const CASES: [Case; 24] = [
    //                                                                       nobody wrong partner other admin processor cron
    case("GET", "/api/jobs/process", "",                                          [401, 401, 401, 401, 401, 200, 200]),
    case("POST", "/api/jobs/process", r#"{"action":"process-batch"}"#,            [401, 401, 401, 401, 401, 200, 200]),
    case("POST", "/api/jobs/enqueue", r#"{"type":"audit_log_created","payload":{"eventData":{}}}"#,
                                                                                  [401, 401, 401, 401, 401, 201, 401]),
    case("GET", "/api/jobs/dead-letter", "",                                      OPERATOR),
    case("POST", "/api/jobs/dead-letter", r#"{"action":"redrive","ids":["{dead}"]}"#, OPERATOR),
    case("GET", "/api/jobs/control", "",                                          OPERATOR),
    case("POST", "/api/jobs/control", r#"{"action":"pause","all":true}"#,         OPERATOR),
    case("GET", "/api/jobs/{job}", "",                                            OPERATOR),
    case("DELETE", "/api/jobs/{job}", "",                                         OPERATOR),
    case("GET", "/api/metrics", "",                                               OPERATOR),
    case("POST", "/api/escrow/create", r#"{"amount":10000,"currency":"usd","buyerEmail":"b@example.com","sellerEmail":"s@example.com"}"#,
                                                                                  [401, 401, 201, 201, 201, 401, 401]),
    // Another partner is told that there is no such escrow; what an admin alone may do is a 403 to its own partner.
    case("GET", "/api/escrow/{escrow}", "",                                       [401, 401, 200, 404, 200, 401, 401]),
    case("POST", "/api/escrow/release", r#"{"escrowId":"{escrow}"}"#,             [401, 401, 200, 404, 200, 401, 401]),
    case("POST", "/api/escrow/refund", r#"{"escrowId":"{escrow}"}"#,              [401, 401, 403, 404, 200, 401, 401]),
    case("POST", "/api/escrow/dispute", r#"{"escrowId":"{escrow}","reason":"x"}"#,[401, 401, 200, 404, 200, 401, 401]),
    // The escrow is not disputed: who may resolve is told so.
    case("POST", "/api/escrow/resolve", r#"{"escrowId":"{escrow}","resolution":"release"}"#,
                                                                                  [401, 401, 403, 404, 409, 401, 401]),
    // Its money is held: who may cancel is told that it is too late.
    case("POST", "/api/escrow/cancel", r#"{"escrowId":"{escrow}"}"#,              [401, 401, 409, 404, 409, 401, 401]),
    case("GET", "/api/partners/shop", "",                                         [401, 401, 403, 403, 200, 401, 401]),
    case("POST", "/api/partners/shop", r#"{"action":"set-email","email":null}"#,  [401, 401, 403, 403, 200, 401, 401]),
    // Events are let in by their signature, which none of these has.
    case("POST", "/api/webhooks/stripe", r#"{"id":"evt_1","type":"x","data":{"object":{}}}"#, [400; 7]),
    case("POST", "/api/webhooks/email", r#"{"type":"email.sent","data":{}}"#,     [400; 7]),
    // A browser's session lets in, and no bearer: see dashboard_access.
    case("GET", "/api/dashboard", "",                                             [401; 7]),
    case("POST", "/api/dashboard", "action=pause&type=*",                         [401; 7]),
    // Open to anyone, and says no more than whether it is well.
    case("GET", "/api/health", "",                                                [200; 7]),
];

/// The routes' paths of a concrete one.
fn route_of(path: &str) -> &'static str {
    holdfast::http::find(path).unwrap().path
}

async fn send(t: &Shop, method: &str, path: &str, caller: &str, body: &str) -> Reply {
    let bearer = format!("Bearer {caller}");
    let kind = if path == "/api/dashboard" { "application/x-www-form-urlencoded" } else { "application/json" };
    let mut headers = vec![("idempotency-key", "matrix"), ("content-type", kind)];
    headers.extend(Some(("authorization", bearer.as_str())).filter(|_| !caller.is_empty()));
    t.send(Method::from_bytes(method.as_bytes()).unwrap(), path, &headers, body.as_bytes()).await
}

/// What every answer has, and what none has.
fn assert_discreet(what: &str, reply: &Reply) {
    let header = |name: &str| reply.headers.get(name).map(String::as_str);
    assert_eq!(header("x-content-type-options"), Some("nosniff"), "{what}");
    assert_eq!(header("cache-control"), Some("no-store"), "{what}");
    assert!(header("x-request-id").is_some(), "{what}");
    for name in ["server", "x-powered-by", "access-control-allow-origin", "set-cookie", "location"] {
        assert_eq!(header(name), None, "{what}: {name}");
    }
    if reply.status >= 400 {
        assert_eq!(header("content-type"), Some("application/problem+json"), "{what}");
        let said = reply.body.to_string();
        for inner in
            ["src/", ".lua", "ERR ", "panicked", "queue:", "job:", "127.0.0.1", "upstash", PROCESSOR, CRON, ADMIN]
        {
            assert!(!said.contains(inner), "{what}: {inner} in {said}");
        }
    }
    if reply.status == 401 && !what.contains("/api/dashboard") {
        assert_eq!(header("www-authenticate"), Some("Bearer"), "{what}");
    }
}

/// The store, but for how often a key called: that is counted, whatever comes of it.
async fn state(t: &Shop) -> BTreeMap<String, Value> {
    let mut state = t.bench.state().await;
    state.retain(|key, _| !key.starts_with("apikey_rate:"));
    state
}

#[test]
fn every_route_and_method_is_in_the_table() {
    let known = |method: &str, path: &str| format!("{method} {path}");
    let table: BTreeSet<String> = CASES.iter().map(|case| known(case.method, route_of(case.path))).collect();
    let methods =
        |route: &'static holdfast::http::Route| route.methods().map(|method| known(method.as_str(), route.path));
    assert_eq!(table, ROUTES.into_iter().flat_map(methods).collect());
}

#[tokio::test]
async fn each_caller_is_let_in_where_the_table_says_and_nowhere_else() {
    for case in CASES {
        for (caller, expected) in CALLERS.into_iter().zip(case.answers) {
            let t = Shop::new().await;
            let fill = async |text: &str| {
                let mut text = text.to_owned();
                if text.contains("{escrow}") {
                    text = text.replace("{escrow}", &t.authorized().await);
                }
                if text.contains("{dead}") {
                    let dead = t.bench.bury(1, FailureKind::Rejected).await;
                    text = text.replace("{dead}", dead[0].as_str());
                }
                if text.contains("{job}") {
                    let job = t.bench.enqueue(holdfast::domain::job::JobOptions::default()).await;
                    text = text.replace("{job}", job.id().as_str());
                }
                text
            };
            let (path, body) = (fill(case.path).await, fill(case.body).await);
            let is_refused = matches!(expected, 401 | 403 | 404);
            let before = if is_refused { state(&t).await } else { BTreeMap::new() };

            let reply = send(&t, case.method, &path, caller, &body).await;

            let what = format!("{} {} as {caller:?}", case.method, case.path);
            assert_eq!(reply.status, expected, "{what}: {:?}", reply.body);
            assert_discreet(&what, &reply);
            if is_refused {
                assert_eq!(state(&t).await, before, "{what}: who is not let in changes nothing");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_method_and_a_body_too_large_are_refused_alike_by_every_route() {
    let t = Shop::new().await;
    for route in ROUTES {
        let path = route.path.replace("{id}", "x");
        let reply = send(&t, "PATCH", &path, PROCESSOR, "").await;
        assert_eq!((reply.status, reply.body["code"].as_str()), (405, Some("method_not_allowed")), "{path}");
        assert_discreet(&path, &reply);
        if reply.headers["allow"].contains("POST") {
            let large = "x".repeat(route.max_body_bytes + 1);
            let reply = send(&t, "POST", &path, PROCESSOR, &large).await;
            assert_eq!((reply.status, reply.body["code"].as_str()), (413, Some("body_too_large")), "{path}");
            assert_discreet(&path, &reply);
        }
    }
}

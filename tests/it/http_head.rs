//! HEAD: what GET answers, without its body.

use crate::bench::Bench;
use crate::site::{TOKEN, call};

#[tokio::test]
async fn head_is_answered_as_get_is_without_the_body() {
    let t = Bench::new().await;
    let app = t.app_with(&[]);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("x-request-id", "req-1")];
    for path in ["/api/health", "/api/jobs/process", "/api/metrics", "/api/jobs/job-none", "/api/dashboard"] {
        let get = call(&app, "GET", path, &headers, "").await;

        let head = call(&app, "HEAD", path, &headers, "").await;

        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        let mut expected = get.headers;
        expected.insert("content-length", get.text.len().into());
        assert_eq!(head.headers, expected, "{path}");
    }
}

#[tokio::test]
async fn a_route_without_get_has_no_head_and_one_with_it_says_so() {
    let t = Bench::new().await;
    let app = t.app_with(&[]);
    for (method, path, allowed) in [
        ("HEAD", "/api/jobs/enqueue", "POST"),
        ("PUT", "/api/health", "GET, HEAD"),
        ("PUT", "/api/jobs/process", "GET, HEAD, POST"),
        ("PUT", "/api/jobs/job-1", "GET, HEAD, DELETE"),
    ] {
        let answer = call(&app, method, path, &[], "").await;
        assert_eq!((answer.status, &answer.headers["allow"]), (405, &allowed.parse().unwrap()), "{method} {path}");
    }
}

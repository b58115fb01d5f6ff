//! The webhook sink: what verifies, what is written down, what is answered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use devkit::serve::{Served, serve};
use devkit::webhooks::{Reply, WebhookSink};
use standardwebhooks::Webhook;

const SECRET: &str = "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==";
const NEXT_SECRET: &str = "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stbmV4dA==";
const BODY: &str = r#"{"type":"escrow.status_changed"}"#;

struct Bench {
    sink: WebhookSink,
    served: Served,
    client: reqwest::Client,
}

impl Bench {
    async fn new() -> Self {
        let sink = WebhookSink::new(SECRET);
        let served = serve(sink.router()).await.unwrap();
        Self { sink, served, client: devkit::client::plain(Duration::from_secs(5)) }
    }

    fn delivery(&self, id: &str, at_secs: i64, secret: &str) -> reqwest::RequestBuilder {
        let signature = Webhook::new(secret).unwrap().sign(id, at_secs, BODY.as_bytes()).unwrap();
        self.client
            .post(format!("{}/partner", self.served.url()))
            .header("webhook-id", id)
            .header("webhook-timestamp", at_secs.to_string())
            .header("webhook-signature", signature)
            .body(BODY)
    }

    async fn deliver(&self, id: &str) -> u16 {
        self.delivery(id, now_secs(), SECRET).send().await.unwrap().status().as_u16()
    }
}

#[expect(clippy::disallowed_methods, reason = "the library verifies against the wall clock")]
fn now_secs() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[tokio::test]
async fn a_signed_delivery_is_verified_and_counted() {
    let bench = Bench::new().await;

    let statuses = [bench.deliver("job-1").await, bench.deliver("job-2").await, bench.deliver("job-1").await];

    let received = bench.sink.received();
    assert_eq!(statuses, [200, 200, 200]);
    let seen: Vec<_> =
        received.iter().map(|one| (one.id.as_deref(), one.attempt, one.verified, one.answered)).collect();
    assert_eq!(
        seen,
        [(Some("job-1"), 1, true, Some(200)), (Some("job-2"), 1, true, Some(200)), (Some("job-1"), 2, true, Some(200))]
    );
    assert_eq!((received[0].path.as_str(), received[0].body.as_str()), ("/partner", BODY));
    assert!(received[0].headers.iter().any(|(name, _)| name == "webhook-signature"));
}

#[tokio::test]
async fn what_does_not_verify_is_recorded_with_the_reason() {
    let bench = Bench::new().await;
    let url = bench.served.url();
    let now = now_secs();

    let unsigned = bench.client.post(&url).body(BODY).send().await.unwrap();
    let stale = bench.delivery("job-1", now - 301, SECRET).send().await.unwrap();
    let early = bench.delivery("job-1", now + 301, SECRET).send().await.unwrap();
    let foreign = bench.delivery("job-1", now, NEXT_SECRET).send().await.unwrap();
    let tampered = bench.delivery("job-1", now, SECRET).body("{}").send().await.unwrap();

    for refused in [unsigned, stale, early, foreign, tampered] {
        assert_eq!(refused.status().as_u16(), 401);
    }
    let reasons: Vec<_> = bench.sink.received().into_iter().map(|one| one.reason.unwrap()).collect();
    let expected = [
        "missing header id",
        "signature timestamp too old",
        "signature timestamp too far in future",
        "signature invalid",
        "signature invalid",
    ];
    assert_eq!(reasons, expected);
}

#[tokio::test]
async fn two_secrets_are_good_while_one_is_replaced() {
    let bench = Bench::new().await;
    bench.sink.set_secrets(vec![NEXT_SECRET.to_owned(), SECRET.to_owned()]);

    let old = bench.delivery("job-1", now_secs(), SECRET).send().await.unwrap();
    let new = bench.delivery("job-2", now_secs(), NEXT_SECRET).send().await.unwrap();

    assert_eq!((old.status().as_u16(), new.status().as_u16()), (200, 200));
}

#[tokio::test]
async fn it_answers_as_told() {
    let bench = Bench::new().await;
    let replies = bench.sink.replies();
    replies.next(1, Reply::Status { status: 429, retry_after_secs: Some(9) });
    replies.next(2, Reply::Status { status: 410, retry_after_secs: None });
    replies.next(1, Reply::Redirect { location: "http://127.0.0.1:1/".to_owned() });
    replies.next(1, Reply::Closed);
    replies.next(1, Reply::Slow { ms: 20 });
    let send = || bench.delivery("job-1", now_secs(), SECRET).send();

    let limited = send().await.unwrap();
    let gone = [send().await.unwrap().status().as_u16(), send().await.unwrap().status().as_u16()];
    let moved = send().await.unwrap();
    let closed = send().await;
    let late = send().await.unwrap();

    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"9".parse().unwrap()));
    assert_eq!(gone, [410, 410]);
    assert_eq!((moved.status().as_u16(), &moved.headers()["location"]), (302, &"http://127.0.0.1:1/".parse().unwrap()));
    assert!(closed.is_err());
    assert_eq!(late.status().as_u16(), 200);
    let answered: Vec<_> = bench.sink.received().iter().map(|one| one.answered).collect();
    assert_eq!(answered, [Some(429), Some(410), Some(410), Some(302), None, Some(200)]);
}

#[tokio::test]
async fn a_delivery_that_is_never_answered_is_recorded_all_the_same() {
    let bench = Bench::new().await;
    bench.sink.replies().next(1, Reply::Hang);

    let hung = bench.delivery("job-1", now_secs(), SECRET).timeout(Duration::from_millis(100)).send().await;

    assert!(hung.is_err_and(|error| error.is_timeout()));
    let received = bench.sink.wait_for(1).await;
    assert_eq!((received[0].verified, received[0].answered), (true, None));
}

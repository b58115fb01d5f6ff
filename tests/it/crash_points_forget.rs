//! An address that is to be forgotten, with a crash at each call to Redis: begun anew, all of it is gone, and nothing else is.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use devkit::redis::{RedisOptions, RedisServer};
use devkit::rest::{Fault, RestOptions, RestServer};
use holdfast::config::{Secret, UpstashConfig};
use holdfast::domain::email_address::EmailAddress;
use holdfast::outbound;
use holdfast::privacy::Privacy;
use holdfast::upstash::keys::Keys;
use holdfast::upstash::{Upstash, UpstashError};
use serde_json::{Value, json};

const PREFIX: &str = "p:";

/// A Redis of its own: a walk through a shared one would meet the keys of other tests.
struct Store {
    rest: RestServer,
    http: reqwest::Client,
    _redis: RedisServer,
}

impl Store {
    /// Makes a store with more keys than one look takes: jobs that are over and under way, an escrow, and the kept answer to a request.
    async fn new() -> Self {
        let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = RestOptions { listen, token: "test-token".into(), redis: redis.addr().into() };
        let rest = RestServer::start(options).await.unwrap();
        let store = Self { rest, http: outbound::client().unwrap(), _redis: redis };
        let mut write = vec!["MSET".to_owned()];
        for n in 0..230 {
            let (status, to) = (["completed", "pending"][n % 2], ["jane@shop.test", "bob@shop.test"][n / 2 % 2]);
            let payload = json!({ "transactionId": "e", "recipientEmail": to });
            let job = json!({ "type": "send_release_email", "payload": payload, "status": status, "createdAt": 1 });
            write.extend([format!("{PREFIX}job:job-{n}"), job.to_string()]);
        }
        store.redis(&write).await;
        let answer = json!({ "escrowId": "esc_1", "buyerEmail": "jane@shop.test" }).to_string();
        let record = format!("{PREFIX}idempotency:partner-shop:k");
        store.redis(&["HSET".into(), record, "body".into(), answer]).await;
        store
    }

    async fn redis(&self, command: &[String]) -> Value {
        let body = serde_json::to_vec(command).unwrap();
        let request = self.http.post(self.rest.url()).bearer_auth(self.rest.token()).body(body);
        let reply: Value = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
        reply["result"].clone()
    }

    /// Forgets Jane, with a client of its own as a process has one, and returns how much was blanked.
    async fn forget(&self) -> Result<usize, UpstashError> {
        let config = UpstashConfig { url: self.rest.url(), token: Secret::new(self.rest.token()) };
        let upstash = Upstash::new(&config, self.http.clone()).unwrap();
        let privacy = Privacy::new(upstash, Keys::new(PREFIX), None);
        let jane = EmailAddress::parse("jane@shop.test").unwrap();
        let (mut blanked, mut cursor) = (0, None);
        loop {
            let stretch = privacy.forget(&jane, cursor.as_deref(), true).await?;
            blanked += stretch.blanked.len();
            cursor = stretch.next;
            if cursor.is_none() {
                return Ok(blanked);
            }
        }
    }

    async fn state(&self) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        let keys = self.redis(&["KEYS".into(), format!("{PREFIX}*")]).await;
        for key in keys.as_array().unwrap() {
            let key = key.as_str().unwrap().to_owned();
            let read: &[String] = if key.contains("idempotency") {
                &["HGETALL".into(), key.clone()]
            } else {
                &["GET".into(), key.clone()]
            };
            state.insert(key, self.redis(read).await);
        }
        state
    }
}

#[tokio::test]
async fn a_crash_while_an_address_is_forgotten_leaves_nothing_that_a_second_run_does_not_forget() {
    let store = Store::new().await;
    let before = store.redis(&["DBSIZE".into()]).await;
    // Of 230 jobs every second is over, and of those every second is Jane's; with the answer to the request.
    assert_eq!(store.forget().await.unwrap(), 58 + 1);
    let expected = store.state().await;
    let jane = expected.values().filter(|value| value.to_string().contains("jane@")).count();
    assert_eq!((jane, store.redis(&["DBSIZE".into()]).await), (58, before), "those under way");

    let mut points = 0;
    for call in 1.. {
        for fault in [Fault::Refused, Fault::ReplyLost] {
            let store = Store::new().await;
            store.rest.faults().crash_at(call, fault);
            let died = store.forget().await;
            let fired = store.rest.faults().fired() > 0;
            store.rest.faults().clear();
            if !fired {
                assert!(points > 6, "{points} points");
                return;
            }
            points += 1;
            assert!(died.is_err(), "call {call}, {fault:?}");
            store.forget().await.unwrap();
            assert_eq!(store.state().await, expected, "call {call}, {fault:?}");
        }
    }
}

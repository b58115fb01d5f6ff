//! A process of its own for each request, killed with SIGKILL at each point between its calls: nothing is lost, nothing is done twice.
//!
//! The crashes of `escrow_crashes` end a future; here the whole process ends, with all that it had in memory and on its sockets.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use devkit::gate::{Gate, Point, Side};
use devkit::stripe::LedgerEntry;
use holdfast::app::App;
use holdfast::config::{self, Config};
use holdfast::domain::millis::Millis;
use holdfast::edge::{Clock, Dice};
use holdfast::http::{ROUTES, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::escrow_bench::{ADMIN, PARTNER, PROCESSOR, Shop, amounts, text};

/// Hands a process its one request; without it the test below has nothing to do.
const INVOCATION: &str = "HOLDFAST_TEST_INVOCATION";

/// How a process says what it answered; no code that a test runner uses.
const ANSWERED_200: i32 = 42;
const ANSWERED_OTHER: i32 = 43;

/// One request, and all that a function is given.
#[derive(Serialize, Deserialize)]
struct Invocation {
    variables: BTreeMap<String, String>,
    now: i64,
    path: String,
    bearer: String,
    key: String,
    body: String,
}

/// The process: this test, started again on its own by the tests below.
#[tokio::test]
async fn one_process_answers_one_request() {
    #[expect(clippy::disallowed_methods, reason = "the process that started this one hands it its request here")]
    let Ok(invocation) = std::env::var(INVOCATION) else { return };
    let invocation: Invocation = serde_json::from_str(&invocation).unwrap();
    let config = Config::from_lookup(|name| invocation.variables.get(name).cloned());
    let app = App::new(config, Clock::fixed(Millis(invocation.now)), Dice::Real).unwrap();
    let request = http::Request::post(&invocation.path)
        .header("authorization", format!("Bearer {}", invocation.bearer))
        .header("idempotency-key", &invocation.key);
    let request = Request::new(request.body(()).unwrap().into_parts().0, Bytes::from(invocation.body));
    let route = ROUTES.into_iter().find(|route| route.path == invocation.path).unwrap();
    let status = route.call(&app, request).await.status().as_u16();
    std::process::exit(if status == 200 { ANSWERED_200 } else { ANSWERED_OTHER });
}

/// How a process ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Killed,
    Answered200,
    AnsweredOther,
}

/// A shop whose requests each get a process, behind a gate.
struct Processes {
    shop: Shop,
    gate: Gate,
}

impl Processes {
    async fn new() -> Self {
        let shop = Shop::new().await;
        let gate = Gate::open(vec![("redis", shop.bench.rest.url()), ("stripe", shop.stripe_url())]).await.unwrap();
        Self { shop, gate }
    }

    async fn invoke(&self, path: &str, bearer: &str, body: &Value) -> Ended {
        let mut variables = shop_variables(&self.shop);
        variables.insert(config::KV_REST_API_URL.into(), self.gate.url("redis"));
        variables.insert(config::STRIPE_BASE_URL.into(), self.gate.url("stripe"));
        let (path, bearer, key, body) = (path.to_owned(), bearer.to_owned(), "act".to_owned(), body.to_string());
        let invocation = Invocation { variables, now: self.shop.bench.clock.now().0, path, bearer, key, body };
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "escrow_kills::one_process_answers_one_request"])
            .env(INVOCATION, serde_json::to_string(&invocation).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        tokio::select! {
            ended = process.wait() => match ended.unwrap().code() {
                Some(ANSWERED_200) => Ended::Answered200,
                Some(ANSWERED_OTHER) => Ended::AnsweredOther,
                code => panic!("the process ended with {code:?}"),
            },
            () = self.gate.stopped() => {
                // SIGKILL: no handler, no destructor, no last word.
                process.kill().await.unwrap();
                Ended::Killed
            }
        }
    }

    async fn process_fallbacks(&self) -> Ended {
        let body = json!({ "action": "process-batch", "types": ["stripe_capture_payment", "stripe_refund_payment"] });
        self.invoke("/api/jobs/process", PROCESSOR, &body).await
    }

    /// What counts in the end: the state, the amounts, what Stripe did, and the jobs that were enqueued and not withdrawn.
    async fn end(&self, id: &str) -> End {
        let shown = self.shop.get(ADMIN, id).await.body;
        let mut jobs = self.shop.jobs().await;
        jobs.retain(|kind, _| !kind.starts_with("stripe_"));
        (text(&shown["status"]), amounts(&shown), self.shop.ledger(), jobs)
    }
}

type End = (String, [i64; 4], LedgerEntry, BTreeMap<String, i64>);

fn shop_variables(shop: &Shop) -> BTreeMap<String, String> {
    shop.variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[derive(Clone, Copy, Debug)]
struct Act {
    path: &'static str,
    caller: &'static str,
}

const ACTS: [Act; 2] =
    [Act { path: "/api/escrow/release", caller: PARTNER }, Act { path: "/api/escrow/refund", caller: ADMIN }];

impl Act {
    async fn run(self, t: &Processes, id: &str) -> Ended {
        t.invoke(self.path, self.caller, &json!({ "escrowId": id })).await
    }

    async fn undisturbed(self) -> End {
        let t = Processes::new().await;
        let id = t.shop.authorized().await;
        assert_eq!(self.run(&t, &id).await, Ended::Answered200);
        t.end(&id).await
    }
}

/// Kills the process of `act` at each point, has `recover` go on, and compares the end with that of an undisturbed run.
async fn killed_everywhere<F: Future<Output = ()>>(act: Act, recover: impl Fn(Act, &'static Processes, String) -> F) {
    let expected = act.undisturbed().await;
    let mut kills = 0;
    for call in 1.. {
        for side in [Side::Before, Side::After] {
            // Leaked, so that the closure can borrow it; there are a dozen, for the length of a test.
            let t: &'static Processes = Box::leak(Box::new(Processes::new().await));
            let id = t.shop.authorized().await;
            t.gate.stop_at(Point::Call(call), side);
            match act.run(t, &id).await {
                Ended::Killed => kills += 1,
                Ended::Answered200 => {
                    // Three calls to Redis and one to Stripe, and what a process asks for that knows no script yet.
                    assert!(kills >= 8, "{act:?}: only {kills} points");
                    return;
                }
                Ended::AnsweredOther => panic!("{act:?}, call {call}: another answer"),
            }
            t.gate.stop_nowhere();

            recover(act, t, id.clone()).await;

            assert_eq!(t.end(&id).await, expected, "{act:?}, killed {side:?} call {call}");
        }
    }
}

#[tokio::test]
async fn a_release_or_refund_killed_at_any_point_is_finished_by_the_same_request() {
    for act in ACTS {
        killed_everywhere(act, async |act: Act, t: &'static Processes, id: String| {
            t.shop.bench.advance(Duration::from_secs(61));
            assert_eq!(act.run(t, &id).await, Ended::Answered200);
        })
        .await;
    }
}

#[tokio::test]
async fn a_release_or_refund_killed_at_any_point_is_finished_by_its_fallback() {
    for act in ACTS {
        killed_everywhere(act, async |act: Act, t: &'static Processes, id: String| {
            t.shop.bench.advance(Duration::from_secs(61));
            assert_eq!(t.process_fallbacks().await, Ended::Answered200);
            // What died before anything was written left nothing: only the caller can ask again.
            if t.shop.status(&id).await == "authorized" {
                assert_eq!(act.run(t, &id).await, Ended::Answered200);
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_processor_killed_at_any_point_of_a_fallback_leaves_it_to_the_next_one() {
    for act in ACTS {
        let expected = act.undisturbed().await;
        let mut kills = 0;
        'points: for call in 1.. {
            for side in [Side::Before, Side::After] {
                let t = Processes::new().await;
                let id = t.shop.authorized().await;
                // Stripe has acted, and nobody knows.
                t.gate.stop_at(Point::To("stripe"), Side::After);
                assert_eq!(act.run(&t, &id).await, Ended::Killed);
                t.shop.bench.advance(Duration::from_secs(61));
                t.gate.stop_at(Point::Call(call), side);
                let died = t.process_fallbacks().await;
                t.gate.stop_nowhere();
                if died == Ended::Answered200 {
                    break 'points;
                }
                kills += 1;

                // The lease of the dead lasts a minute; a crash counts as an attempt, and the next waits for it.
                for _ in 0..3 {
                    t.shop.bench.advance(Duration::from_secs(61));
                    assert_eq!(t.process_fallbacks().await, Ended::Answered200);
                }

                assert_eq!(t.end(&id).await, expected, "{act:?}, processor killed {side:?} call {call}");
            }
        }
        assert!(kills >= 6, "{act:?}: only {kills} points");
    }
}

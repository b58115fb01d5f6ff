//! Shops: create escrows and lead each through a life, sending every request until it is answered for good.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::caller::{Ask, Caller};
use crate::fault;

const PARTNER: &str = "dev-partner-key";
pub(super) const ADMIN: &str = "dev-admin-key";

/// Escrows under way at once.
const AT_ONCE: usize = 32;

/// Leads this many escrows through their lives, begun evenly over this time.
pub(super) async fn lead(caller: &Caller, seed: u64, escrows: usize, over: Duration) {
    let (mut rng, started) = (Rng::with_seed(seed), Instant::now());
    let (mut lives, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    for number in 0..escrows {
        let (all, so_far) = (u32::try_from(escrows).unwrap_or(u32::MAX), u32::try_from(number).unwrap_or(u32::MAX));
        sleep_until(started + over / all * so_far).await;
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (caller, own) = (caller.clone(), rng.u64(..));
        lives.spawn(async move {
            life(&caller, &mut Rng::with_seed(own), number).await;
            drop(place);
        });
        while lives.try_join_next().is_some() {}
    }
    while lives.join_next().await.is_some() {}
}

async fn life(caller: &Caller, rng: &mut Rng, number: usize) {
    let order = json!({
        "amount": 10_000, "currency": "usd", "paymentMethod": "pm_card_visa",
        "buyerEmail": format!("buyer{number}@example.com"), "sellerEmail": format!("seller{number}@example.com"),
    });
    let ask = Ask::post("/api/escrow/create", PARTNER, format!("e{number}-create"), &order);
    let Some((201, created)) = caller.insist(rng, &ask).await else { return };
    let Some(id) = created["escrowId"].as_str() else { return };
    caller.escrows.lock().push(id.to_owned());
    fault::pause(rng.u64(..1_500)).await;
    let steps: &[(&str, &str, Value)] = match rng.u32(..10) {
        0..4 => &[("release", PARTNER, json!({}))],
        4 | 5 => &[("refund", ADMIN, json!({}))],
        6 => &[
            ("dispute", PARTNER, json!({})),
            ("resolve", ADMIN, json!({ "resolution": "split", "releaseAmount": 4_000 })),
        ],
        7 => &[("release", PARTNER, json!({})), ("refund", ADMIN, json!({ "amount": 2_500 }))],
        8 => &[("dispute", PARTNER, json!({})), ("resolve", ADMIN, json!({ "resolution": "refund" }))],
        _ => &[("release", PARTNER, json!({ "amount": 7_000 }))],
    };
    for (operation, bearer, more) in steps {
        let mut body = more.clone();
        body["escrowId"] = id.into();
        let path = format!("/api/escrow/{operation}");
        caller.insist(rng, &Ask::post(&path, bearer, format!("e{number}-{operation}"), &body)).await;
    }
}

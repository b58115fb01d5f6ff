//! `/__faults`: the faults, for people. GET shows them, POST adds one, DELETE takes all away.
//!
//! A body for POST names the fault, and what it needs, and when it comes: `{"fault":"reply_lost"}` at the next
//! request, `{"fault":"status","status":502,"times":3}` at the next three,
//! `{"fault":"latency","latency_ms":300,"always":true}` at all.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::plan::When;
use super::{Fault, Faults};
use crate::rest::reply::Refusal;

/// Where people ask for faults.
pub(in crate::rest) const PATH: &str = "/__faults";

/// A fault to add. Without `at`, `crash_at`, `every` or `always` it comes at the next `times` requests, or at
/// the next that contain `matching`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    fault: Name,
    /// For `latency`, in milliseconds.
    latency_ms: Option<u64>,
    /// For `status` and `status_after`.
    status: Option<u16>,
    times: Option<u32>,
    matching: Option<String>,
    at: Option<u64>,
    crash_at: Option<u64>,
    every: Option<u64>,
    #[serde(default)]
    always: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Name {
    Latency,
    Refused,
    ReplyLost,
    ReplyCut,
    Status,
    StatusAfter,
    Stall,
    StallAfter,
}

#[derive(Debug, Serialize)]
struct State {
    seen: u64,
    fired: u64,
    pending: Vec<String>,
}

/// Answers a request to [`PATH`].
pub(in crate::rest) fn answer(faults: &Faults, method: &Method, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    match *method {
        Method::GET | Method::HEAD => {}
        Method::DELETE => faults.clear(),
        Method::POST => {
            let wish: Wish = serde_json::from_slice(body)
                .map_err(|error| Refusal::bad(format!("ERR no fault in this body: {error}")))?;
            add(faults, &wish)?;
        }
        _ => {
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "ERR expected GET, POST or DELETE"));
        }
    }
    let pending = faults.plan().rules().iter().map(|(when, fault)| format!("{fault:?} {when}")).collect();
    let state = State { seen: faults.seen(), fired: faults.fired(), pending };
    serde_json::to_vec(&state).map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("ERR {error}")))
}

fn add(faults: &Faults, wish: &Wish) -> Result<(), Refusal> {
    let fault = fault(wish)?;
    let when = match (wish.at, wish.crash_at, wish.every, wish.always) {
        (None, None, None, false) => When::Next { containing: wish.matching.clone() },
        (Some(left), None, None, false) => When::At { left },
        (None, Some(left), None, false) => When::CrashAt { left },
        (None, None, Some(n), false) => When::Every { n: n.max(1), count: 0 },
        (None, None, None, true) => When::Always,
        _ => {
            return Err(Refusal::bad("ERR expected at most one of at, crash_at, every, always"));
        }
    };
    for _ in 0..wish.times.unwrap_or(1) {
        faults.add(when.clone(), fault);
    }
    Ok(())
}

fn fault(wish: &Wish) -> Result<Fault, Refusal> {
    let status = || {
        wish.status.filter(|status| (100..1000).contains(status)).ok_or(Refusal::bad("ERR expected status, as in 502"))
    };
    Ok(match wish.fault {
        Name::Latency => {
            let latency_ms = wish.latency_ms.ok_or(Refusal::bad("ERR expected latency_ms"))?;
            Fault::Latency(Duration::from_millis(latency_ms))
        }
        Name::Refused => Fault::Refused,
        Name::ReplyLost => Fault::ReplyLost,
        Name::ReplyCut => Fault::ReplyCut,
        Name::Status => Fault::Status(status()?),
        Name::StatusAfter => Fault::StatusAfter(status()?),
        Name::Stall => Fault::Stall,
        Name::StallAfter => Fault::StallAfter,
    })
}

//! The sandbox's controls over HTTP: the same as the handle's methods, under `base/control`.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;

use super::{DisputeOutcome, StripeSandbox};
use crate::control::{Refused, Sent};
use crate::fault::Fault;
use crate::plan::Rule;
use crate::postman::Order;

#[derive(Clone)]
struct Controls {
    sandbox: StripeSandbox,
    base: String,
}

pub(super) fn router(sandbox: &StripeSandbox, base: &str) -> Router {
    Router::new()
        .route(&format!("{base}/control/{{*action}}"), post(control))
        .with_state(Controls { sandbox: sandbox.clone(), base: base.to_owned() })
}

#[derive(Deserialize)]
struct Release {
    #[serde(default)]
    order: Order,
}

#[derive(Deserialize)]
struct Twice {
    twice: bool,
}

#[derive(Deserialize)]
struct Url {
    url: Option<String>,
}

#[derive(Deserialize)]
struct Succeeds {
    succeeds: bool,
}

#[derive(Deserialize)]
struct Close {
    outcome: DisputeOutcome,
}

async fn control(
    State(Controls { sandbox, base }): State<Controls>,
    Path(action): Path<String>,
    sent: Sent,
) -> Result<Response, Refused> {
    let segments: Vec<&str> = action.split('/').collect();
    match segments.as_slice() {
        ["faults"] => sandbox.faults.add(sent.read::<Rule<Fault>>()?),
        ["faults", "clear"] => sandbox.faults.clear(),
        ["events", "hold"] => sandbox.postman.hold(),
        ["events", "release"] => {
            sandbox.postman.release(sent.read::<Release>()?.order);
        }
        ["events", "twice"] => sandbox.postman.set_twice(sent.read::<Twice>()?.twice),
        ["events", "url"] => sandbox.postman.set_url(sent.read::<Url>()?.url),
        ["idempotency_keys", "forget"] => sandbox.forget_idempotency_keys(),
        [kind, id, what] => {
            let done = happen(&sandbox, (*kind, *what), id, &sent)?;
            return sent.done_if(done, &base);
        }
        _ => return Err(Refused::unknown()),
    }
    Ok(sent.done(&base))
}

/// Lets something happen to one object; false when its state does not allow it.
fn happen(sandbox: &StripeSandbox, what: (&str, &str), id: &str, sent: &Sent) -> Result<bool, Refused> {
    match what {
        ("events", "resend") => Ok(sandbox.resend_event(id)),
        ("payment_intents", "expire") => Ok(sandbox.expire(id)),
        ("payment_intents", "authenticate") => Ok(sandbox.authenticate(id, sent.read::<Succeeds>()?.succeeds)),
        ("charges", "dispute") => Ok(sandbox.open_dispute(id).is_some()),
        ("disputes", "close") => Ok(sandbox.close_dispute(id, sent.read::<Close>()?.outcome)),
        ("refunds", "fail") => Ok(sandbox.fail_refund(id)),
        ("refunds", "complete") => Ok(sandbox.complete_refund(id)),
        _ => Err(Refused::unknown()),
    }
}

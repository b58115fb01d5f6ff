//! The sandbox's controls over HTTP: the same as the handle's methods, under `base/control`.
//!
//! | POST to | with |
//! | --- | --- |
//! | `faults` | a fault: `{"fault":"answer_lost","times":1,"path":"/capture"}` |
//! | `faults/clear`, `idempotency_keys/forget` | |
//! | `events/hold`, `events/release` | for release, `{"order":"reversed"}` if so |
//! | `events/twice`, `events/url` | `{"twice":true}`, `{"url":"http://..."}` |
//! | `events/{id}/resend` | |
//! | `payment_intents/{id}/expire` | |
//! | `payment_intents/{id}/authenticate` | `{"succeeds":true}` |
//! | `charges/{id}/dispute`, `disputes/{id}/close` | for close, `{"outcome":"won"}` |
//! | `refunds/{id}/fail`, `refunds/{id}/complete` | |
//!
//! Answered with 204; 409 when the object's state does not allow it, 422 when the body is not
//! what is expected.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;

use super::{DisputeOutcome, StripeSandbox};
use crate::control::{Refused, Sent};
use crate::fault::Fault;
use crate::plan::Rule;
use crate::postman::controls;

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
        ["events", what] => controls::control(&sandbox.postman, what, &sent)?,
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

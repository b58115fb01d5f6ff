//! The operations on an escrow: a route each.

use http::Method;

use super::operate::{amount, operate, reason};
use crate::domain::escrow::Command;
use crate::domain::job::Resolution;
use crate::http::extract::Fields;
use crate::http::{ApiError, Route};

/// `POST /api/escrow/release`: the seller gets the money.
pub static RELEASE: Route = Route::new(
    "escrow-release",
    "/api/escrow/release",
    &[(Method::POST, |app, request| Box::pin(operate(app, request, release, "escrowId, amount")))],
);

/// `POST /api/escrow/refund`: the buyer gets money back.
pub static REFUND: Route = Route::new(
    "escrow-refund",
    "/api/escrow/refund",
    &[(Method::POST, |app, request| Box::pin(operate(app, request, refund, "escrowId, amount, reason")))],
);

/// `POST /api/escrow/dispute`: a party objects.
pub static DISPUTE: Route = Route::new(
    "escrow-dispute",
    "/api/escrow/dispute",
    &[(Method::POST, |app, request| Box::pin(operate(app, request, dispute, "escrowId, reason")))],
);

/// `POST /api/escrow/resolve`: an objection is decided.
pub static RESOLVE: Route = Route::new(
    "escrow-resolve",
    "/api/escrow/resolve",
    &[(Method::POST, |app, request| {
        Box::pin(operate(app, request, resolve, "escrowId, resolution, releaseAmount, reason"))
    })],
);

/// `POST /api/escrow/cancel`: it ends before anything is paid.
pub static CANCEL: Route = Route::new(
    "escrow-cancel",
    "/api/escrow/cancel",
    &[(Method::POST, |app, request| Box::pin(operate(app, request, cancel, "escrowId, reason")))],
);

fn release(body: &mut Fields) -> Result<Command, ApiError> {
    Ok(Command::Release { amount: amount(body, "amount")? })
}

fn refund(body: &mut Fields) -> Result<Command, ApiError> {
    Ok(Command::Refund { amount: amount(body, "amount")?, reason: reason(body)? })
}

fn dispute(body: &mut Fields) -> Result<Command, ApiError> {
    Ok(Command::Dispute { reason: reason(body)? })
}

fn resolve(body: &mut Fields) -> Result<Command, ApiError> {
    let resolution: Resolution = body.required("resolution", "release, refund or split")?;
    Ok(Command::Resolve { resolution, release_amount: amount(body, "releaseAmount")?, reason: reason(body)? })
}

fn cancel(body: &mut Fields) -> Result<Command, ApiError> {
    Ok(Command::Cancel { reason: reason(body)? })
}

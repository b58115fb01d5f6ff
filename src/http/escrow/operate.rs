//! What all operations on an escrow have in common.

use http::StatusCode;

use super::enter::{self, Run};
use super::view::{EscrowView, ended};
use crate::admission::Admitted;
use crate::app::App;
use crate::domain::escrow::{Command, Escrow};
use crate::domain::id::EscrowId;
use crate::escrow::{Ending, Order};
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response};

/// Longest reason, in characters. Chosen: a paragraph in a mail.
const MAX_REASON_CHARS: usize = 500;

/// Reads what is asked for out of a body.
pub(super) type Read = fn(&mut Fields) -> Result<Command, ApiError>;

/// Does what the body asks of the escrow it names. `known` are the fields there may be.
pub(super) async fn operate(app: App, request: Request, read: Read, known: &str) -> Result<Response, ApiError> {
    let asked = parse(&request, read, known);
    let id = asked.as_ref().ok().map(|(id, _)| id);
    let admitted = enter::enter(&app, &request, id).await?;
    let window = admitted.window;
    let result = admitted_operate(&app, &request, admitted, asked).await;
    enter::with_window(window, result)
}

async fn admitted_operate(
    app: &App,
    request: &Request,
    mut admitted: Admitted,
    asked: Result<(EscrowId, Command), ApiError>,
) -> Result<Response, ApiError> {
    let record = match enter::run(&admitted, request)? {
        Run::Replay(response) => return Ok(response),
        Run::Go(record) => record,
    };
    let (_, command) = asked?;
    let escrow = admitted.escrow.take().ok_or_else(unknown_escrow)?;
    let (role, id) = (admitted.role, request.id.clone());
    let render = move |ending: Ending<'_>| ended(ending, StatusCode::OK, role, &id);
    let order = Order { role, record: &record, render: &render, origin: request.origin() };
    let done = app.escrows()?.operate(escrow, &command, &order).await?;
    Ok(enter::done(done, |escrow: &Escrow| EscrowView::new(escrow, role).to_json()))
}

fn parse(request: &Request, read: Read, known: &str) -> Result<(EscrowId, Command), ApiError> {
    let mut body = Fields::of_body(&request.body)?;
    let id: String = body.required("escrowId", "an escrow's id")?;
    let id = EscrowId::parse(id).map_err(|error| body.invalid("invalid_field", format!("escrowId: {error}")))?;
    let command = read(&mut body)?;
    body.finish(known)?;
    Ok((id, command))
}

/// Takes an amount that may be absent.
pub(super) fn amount(body: &mut Fields, name: &str) -> Result<Option<i64>, ApiError> {
    let amount: Option<i64> = body.optional(name, "a whole number of minor units")?;
    match amount {
        Some(amount) if amount <= 0 => {
            Err(body.invalid("invalid_amount", format!("{name} is {amount}, expected at least 1 minor unit")))
        }
        amount => Ok(amount),
    }
}

/// Takes a reason that may be absent.
pub(super) fn reason(body: &mut Fields) -> Result<Option<String>, ApiError> {
    text(body, "reason", MAX_REASON_CHARS)
}

/// Takes a text that may be absent.
pub(super) fn text(body: &mut Fields, name: &str, most: usize) -> Result<Option<String>, ApiError> {
    let text: Option<String> = body.optional(name, "a text")?;
    match text {
        Some(text) if text.chars().count() > most || text.chars().any(|c| c.is_control() && c != '\n') => {
            let expected = format!("{name} is not a text of at most {most} characters without control characters");
            Err(body.invalid("invalid_field", expected))
        }
        text => Ok(text.filter(|text| !text.trim().is_empty())),
    }
}

/// 404, whether there is none or it is another partner's.
pub(super) fn unknown_escrow() -> ApiError {
    ApiError::not_found("unknown_escrow", "there is no such escrow of yours")
}

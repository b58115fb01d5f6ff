//! `/api/dashboard`: what an operator looks at, as pages that need no script.
//!
//! One function serves them all: pages, style sheet and script, told apart by the query. Whoever shows the processor's token gets a session's cookie;
//! every form carries what only a page of that session has. E-mail addresses are masked until someone asks for them, which is on record.

mod act;
mod assets;
mod chart;
mod escrow;
mod form;
mod job;
mod letters;
mod overview;
mod page;
mod problem;
mod search;
mod session;
mod suppressed;
mod text;
mod view;
mod webhooks;

use http::Method;

use self::page::Shell;
use self::problem::Problem;
use self::text::Addresses;
use self::view::View;
use super::{ApiError, Request, Response, Route};
use crate::app::App;

/// `GET` and `POST /api/dashboard`
pub static DASHBOARD: Route = Route::new(
    "dashboard",
    "/api/dashboard",
    &[
        (Method::GET, |app, request| Box::pin(get(app, request))),
        (Method::POST, |app, request| Box::pin(post(app, request))),
    ],
);

async fn get(app: App, request: Request) -> Result<Response, ApiError> {
    show(&app, &request).await.or_else(|problem| problem.answer(&request))
}

async fn post(app: App, request: Request) -> Result<Response, ApiError> {
    act::act(&app, &request).await.or_else(|problem| problem.answer(&request))
}

async fn show(app: &App, request: &Request) -> Result<Response, Problem> {
    let view = View::with_notice(request);
    if let Ok((View::Asset(name), _)) = &view {
        return Ok(assets::answer(name)?);
    }
    // Who is not signed in is told that first, and nothing of what they asked for.
    let session = session::of(app, request)?;
    let (view, notice) = view?;
    let shell = |title: String, part| Shell::new(title, part, &session).saying(notice);
    match view {
        View::Overview(range) => overview::show(app, shell("Overview".into(), "overview"), range).await,
        View::Letters { filter, cursor } => {
            letters::show(app, shell("Dead letters".into(), "dead-letters"), filter, cursor.as_deref()).await
        }
        View::Job(id) => job::show(app, shell(format!("Job {id}"), ""), &id, Addresses::Masked).await,
        View::Escrow(id) => escrow::show(app, shell(format!("Escrow {id}"), ""), &id, Addresses::Masked).await,
        View::Partner { id, endpoint } => webhooks::show(app, shell(format!("Partner {id}"), ""), &id, endpoint).await,
        View::Suppressed => suppressed::show(app, shell("Suppressed addresses".into(), "suppressed")).await,
        View::Find { hash, from } => search::show(app, shell("Search".into(), ""), &hash, from).await,
        View::Asset(_) => Err(ApiError::internal().into()),
    }
}

//! `GET /api/health`: whether Redis can be reached, and how long the oldest due job has been waiting. Open to anyone.

use http::{Method, StatusCode};
use serde::Serialize;

use super::{ApiError, Request, Response, Route, reply};
use crate::app::App;

/// `GET /api/health`
pub static HEALTH: Route =
    Route::new("health", "/api/health", &[(Method::GET, |app, request| Box::pin(health(app, request)))]);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    oldest_due_age_ms: Option<u64>,
}

async fn health(app: App, _request: Request) -> Result<Response, ApiError> {
    let oldest = app.oldest_due(&app.queue()?).await?;
    let age = oldest.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    Ok(reply::json(StatusCode::OK, &Health { status: "ok", oldest_due_age_ms: age }))
}

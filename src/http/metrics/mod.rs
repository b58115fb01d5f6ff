//! `GET /api/metrics`: everything that is counted, as Prometheus scrapes it.

mod families;
mod text;

use http::{HeaderValue, Method};

use self::families::Snapshot;
use self::text::{Form, Text};
use super::{ApiError, Request, Response, Route, reply};
use crate::app::App;
use crate::auth;

/// `GET /api/metrics`
pub static METRICS: Route =
    Route::new("metrics", "/api/metrics", &[(Method::GET, |app, request| Box::pin(metrics(app, request)))]);

async fn metrics(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let queue = app.queue()?;
    let snapshot = Snapshot {
        measured: queue.measured().await?,
        stats: queue.stats().await?,
        control: queue.control().await?,
        oldest_due: queue.oldest_due().await?.age,
    };
    let form = Form::accepted(request.header("accept").unwrap_or_default());
    let mut text = Text::new(form);
    snapshot.write(&mut text);
    let mut response = reply::json_bytes(http::StatusCode::OK, text.finish());
    response.headers_mut().insert("content-type", HeaderValue::from_static(form.content_type()));
    Ok(response)
}

//! Every route of Holdfast, mounted as the platforms do: by path alone, so that a wrong method is the route's to refuse.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use holdfast::app::App;
use holdfast::http::{Request, Wake, find};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// How long the call that wakes the processor may take; the processor works on when its caller is gone.
const WAKE: Duration = Duration::from_secs(2);

/// Makes the router of all routes.
pub(crate) fn router(app: App) -> Router {
    Router::new().fallback(answer).with_state(app)
}

async fn answer(State(app): State<App>, request: http::Request<Body>) -> Response {
    let Some(route) = find(request.uri().path()) else {
        return (StatusCode::NOT_FOUND, "no such page; the routes are under /api, the stand-ins under /dev\n")
            .into_response();
    };
    let (parts, body) = request.into_parts();
    let (body, too_large) = match Limited::new(body, route.max_body_bytes).collect().await {
        Ok(body) => (body.to_bytes(), false),
        Err(error) => (Bytes::new(), error.is::<LengthLimitError>()),
    };
    let mut request = Request::new(parts, body);
    request.too_large |= too_large;
    let response = route.call(&app, request).await;
    if response.extensions().get::<Wake>().is_some() {
        tokio::spawn(async move { app.wake(WAKE).await });
    }
    response.map(Body::from)
}

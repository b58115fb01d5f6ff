//! Holdfast on Vercel: a route becomes a function.
//!
//! Converts requests and answers, and nothing else. The platform's runtime is never handed an error: it would print it, unescaped, into
//! the caller's body.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use holdfast::app::App;
use holdfast::config::Config;
use holdfast::edge::{Clock, Dice};
use holdfast::http::{Request, Route, Wake};
use holdfast::telemetry;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::oneshot;
use vercel_runtime::{AppState, Error, Response, ResponseBody, run, service_fn};

/// How long the call that wakes the processor may take. Chosen: a cold start answers the connection within it; the processor works on
/// when its caller is gone.
const WAKE: Duration = Duration::from_secs(2);

/// Serves one route until the platform ends the process.
pub fn serve(route: &'static Route) -> ExitCode {
    serve_by(move |_| route)
}

/// Serves the route that a path belongs to, likewise. A function that names one route alone has no other linked in.
pub fn serve_by(find: impl Fn(&str) -> &'static Route + Copy + Send + Sync + 'static) -> ExitCode {
    let config = Config::from_env();
    telemetry::init(&config);
    match start(find, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %error, "the function ended");
            ExitCode::FAILURE
        }
    }
}

fn start(find: impl Fn(&str) -> &'static Route + Copy + Send + Sync + 'static, config: Config) -> Result<(), Error> {
    let app = App::new(config, Clock::Real, Dice::Real)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(service_fn(move |request: vercel_runtime::Request, state: AppState| {
        let app = app.clone();
        async move {
            // When the platform ends the process, it waits for background work and not for requests: so each request is some.
            let (ended, end) = oneshot::channel::<()>();
            state.wait_until(async { drop(end.await) });
            let route = find(request.uri().path());
            let answer = answer(route, app, request, state).await;
            drop(ended);
            answer
        }
    })))
}

async fn answer(
    route: &Route,
    app: App,
    request: vercel_runtime::Request,
    state: AppState,
) -> Result<Response<ResponseBody>, Error> {
    let (parts, body) = request.into_parts();
    let (body, too_large) = match Limited::new(body, route.max_body_bytes).collect().await {
        Ok(body) => (body.to_bytes(), false),
        // A caller who stops half-way is not there to read an answer; an empty body is refused where one is needed.
        Err(error) => (Bytes::new(), error.is::<LengthLimitError>()),
    };
    let mut request = Request::new(parts, body);
    request.too_large |= too_large;
    let response = route.call(&app, request).await;
    if response.extensions().get::<Wake>().is_some() {
        // After the answer: the caller does not wait for it.
        state.wait_until(async move { app.wake(WAKE).await });
    }
    Ok(response.map(ResponseBody::from))
}

//! Holdfast on AWS Lambda: a route becomes a function.
//!
//! Converts events and answers, and nothing else. The same function takes an API Gateway call and a schedule's event. The runtime is
//! never handed an error: what went wrong is in the answer and the log.

mod event;

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use holdfast::app::App;
use holdfast::config::Config;
use holdfast::edge::{Clock, Dice};
use holdfast::http::{Route, Wake};
use holdfast::telemetry;
use lambda_http::{Body, Error, Response, run, service_fn};

/// How long an answer waits for the call that wakes the processor to leave. Chosen: a connection with its handshake takes a tenth of a
/// second; the request has left by then, and the processor works on when its caller is gone.
const WAKE: Duration = Duration::from_millis(250);

/// Serves one route until the platform ends the process.
pub fn serve(route: &'static Route) -> ExitCode {
    let config = Config::from_env();
    telemetry::init(&config);
    match start(route, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(route = route.name, error = %error, "the function ended");
            ExitCode::FAILURE
        }
    }
}

fn start(route: &'static Route, config: Config) -> Result<(), Error> {
    let app = App::new(config, Clock::Real, Dice::Real)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(service_fn(|event: lambda_http::Request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(answer(route, &app, event).await) }
    })))
}

async fn answer(route: &Route, app: &App, event: lambda_http::Request) -> Response<Body> {
    let response = route.call(app, event::request(event, app.clock().now())).await;
    if response.extensions().get::<Wake>().is_some() {
        // Before the answer: afterwards nothing runs here.
        app.wake(WAKE).await;
    }
    response.map(|body| match String::from_utf8(Vec::from(body)) {
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    })
}

/// Takes an event's body as bytes.
fn bytes(body: Body) -> Bytes {
    match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    }
}

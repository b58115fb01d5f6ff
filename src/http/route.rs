//! A route: what every request needs is done here once, so that handlers do none of it.

use std::fmt;
use std::pin::Pin;

use http::Method;
use tokio::time::Instant;
use tracing::Instrument;

use super::problem::Code;
use super::{ApiError, Request, Response, reply};
use crate::app::App;
use crate::domain::limits::MAX_BODY_BYTES;
use crate::telemetry;

/// Longest request id of a caller's that is taken over. Chosen: a UUID with a prefix fits several times.
const MAX_REQUEST_ID: usize = 100;

/// Answers a request whose method, size and name are settled.
pub type RouteHandler = fn(App, Request) -> Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// A path with its handlers.
pub struct Route {
    /// The name of the function and its binary.
    pub name: &'static str,
    /// The path; a part that varies stands in braces.
    pub path: &'static str,
    /// The longest body it takes, in bytes.
    pub max_body_bytes: usize,
    handlers: &'static [(Method, RouteHandler)],
}

impl Route {
    /// Makes a route.
    pub const fn new(name: &'static str, path: &'static str, handlers: &'static [(Method, RouteHandler)]) -> Self {
        Self { name, path, max_body_bytes: MAX_BODY_BYTES, handlers }
    }

    /// Makes it take bodies of up to `max_body_bytes`.
    #[must_use]
    pub const fn taking(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// Returns the methods that the route takes. Where GET is one, HEAD is answered too, with GET's answer without its body.
    pub fn methods(&self) -> impl Iterator<Item = &'static Method> {
        self.handlers.iter().map(|(method, _)| method)
    }

    /// Tells whether `path` is one of the route's.
    pub fn matches(&self, path: &str) -> bool {
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), given.next()) {
                (None, None) => return true,
                (Some(own), Some(given)) if own == given || (own.starts_with('{') && !given.is_empty()) => {}
                _ => return false,
            }
        }
    }

    /// Returns what answers a method: for HEAD, what answers GET.
    fn handler(&self, method: &Method) -> Option<RouteHandler> {
        let known = if *method == Method::HEAD { &Method::GET } else { method };
        self.handlers.iter().find(|(method, _)| method == known).map(|(_, handler)| *handler)
    }

    /// Answers a request: always, with a clean document, whatever happens in the handler.
    pub async fn call(&self, app: &App, mut request: Request) -> Response {
        let started = Instant::now();
        request.id = request_id(&request, app);
        request.begin_trace();
        let (id, method) = (request.id.clone(), request.method.clone());
        let trace = telemetry::trace_id(request.traceparent());
        let span = tracing::info_span!("request", request.id = %id, route = self.name, trace.id = trace);
        let answer = self.answer(app, request).instrument(span.clone()).await;
        let _inside = span.enter();
        // A number of 128 bits would be logged as a text.
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, code) = match &answer {
            Ok(response) => (response.status(), response.extensions().get().map_or("", |Code(code)| *code)),
            Err(error) => (error.status(), error.code()),
        };
        if status.is_server_error() {
            tracing::error!(request.id = %id, route = self.name, %method, status = status.as_u16(), code, duration_ms, "answered {method} {} with {status}", self.path);
        } else {
            tracing::info!(request.id = %id, route = self.name, %method, status = status.as_u16(), code, duration_ms, "answered {method} {} with {status}", self.path);
        }
        let mut response = answer.unwrap_or_else(|error| error.into_response(&id));
        response.headers_mut().insert("x-request-id", reply::text(&id));
        if method == Method::HEAD {
            let body = std::mem::take(response.body_mut());
            response.headers_mut().insert("content-length", body.len().into());
        }
        response
    }

    async fn answer(&self, app: &App, request: Request) -> Result<Response, ApiError> {
        let Some(handler) = self.handler(&request.method) else {
            let allowed =
                self.methods().map(|method| if *method == Method::GET { "GET, HEAD" } else { method.as_str() });
            return Err(ApiError::method_not_allowed(allowed.collect::<Vec<_>>().join(", ")));
        };
        if request.too_large || request.body.len() > self.max_body_bytes {
            let detail = format!("the body is too large, expected at most {} bytes", self.max_body_bytes);
            return Err(ApiError::new(http::StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
        }
        let is_question = request.method.is_safe();
        // A task of its own, so that a panic is this request's alone, and a caller who hangs up does not stop a write half-way.
        tokio::spawn(handler(app.clone(), request).in_current_span())
            .await
            .unwrap_or_else(|_| Err(ApiError::internal()))
            .map_err(|error| if is_question { error.of_a_question() } else { error })
    }
}

/// Takes the caller's name for the request where it is a clean one, or makes one.
fn request_id(request: &Request, app: &App) -> String {
    let clean = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    let given = request.header("x-request-id").filter(clean).map(str::to_owned);
    given.unwrap_or_else(|| format!("req-{}", app.dice().claim_id()))
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("name", &self.name).field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_part_by_part() {
        static ROUTE: Route = Route::new("job", "/api/jobs/{id}", &[]);
        assert!(ROUTE.matches("/api/jobs/job-1"));
        for other in ["/api/jobs", "/api/jobs/", "/api/jobs/a/b", "/api/job/a", "api/jobs/a"] {
            assert!(!ROUTE.matches(other), "{other}");
        }
    }
}

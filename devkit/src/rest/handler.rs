//! A request in, an answer out: the fault it meets, what it asks for, and who runs that.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::address::RedisAddress;
use super::body::{Body, Broken, collect};
use super::command::Command;
use super::events;
use super::faults::{Fault, Faults, admin};
use super::key_locking::KeyLocking;
use super::permit;
use super::pool::Pool;
use super::reply::{self, Format, Refusal};
use super::run::{Answer, Runner};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// All that requests share.
#[derive(Debug)]
pub(super) struct Handler {
    token: String,
    runner: Runner,
    pub(super) faults: Faults,
    pub(super) calls: AtomicU64,
    stopping: CancellationToken,
}

impl Handler {
    pub(super) fn new(token: String, redis: RedisAddress, stopping: CancellationToken) -> Self {
        Self {
            token,
            runner: Runner { pool: Pool::new(redis), key_locking: KeyLocking::default() },
            faults: Faults::default(),
            calls: AtomicU64::new(0),
            stopping,
        }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Answers a request, or has its connection broken.
    pub(super) async fn handle(&self, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
        let (parts, incoming) = request.into_parts();
        // A body that breaks off is a caller that went away.
        let body = collect(incoming).await.map_err(|_| Broken)?;
        if parts.uri.path() == admin::PATH {
            return Ok(self.administer(&parts, &body.unwrap_or_default()));
        }
        let seen: &[u8] = body.as_deref().unwrap_or_default();
        match self.faults.strike(parts.uri.path(), seen) {
            None => Ok(self.answer(&parts, body).await),
            Some(fault) => self.fail(fault, &parts, body).await,
        }
    }

    async fn fail(&self, fault: Fault, parts: &Parts, body: Option<Bytes>) -> Result<Response<Body>, Broken> {
        match fault {
            Fault::Latency(time) => {
                // Dropped with the connection; a server that stops does not wait for it.
                drop(tokio::time::timeout(time, self.stopping.cancelled()).await);
                Ok(self.answer(parts, body).await)
            }
            Fault::Refused => Err(Broken),
            Fault::ReplyLost => {
                self.answer(parts, body).await;
                Err(Broken)
            }
            Fault::ReplyCut => Ok(self.answer(parts, body).await.map(Body::cut)),
            Fault::Status(status) => Ok(failure(status)),
            Fault::StatusAfter(status) => {
                self.answer(parts, body).await;
                Ok(failure(status))
            }
            Fault::Stall => Err(self.stall().await),
            Fault::StallAfter => {
                self.answer(parts, body).await;
                Err(self.stall().await)
            }
        }
    }

    /// Waits for the end of the server; the caller going away ends it sooner.
    async fn stall(&self) -> Broken {
        self.stopping.cancelled().await;
        Broken
    }

    async fn answer(&self, parts: &Parts, body: Option<Bytes>) -> Response<Body> {
        let outcome = match permit::format(&self.token, parts) {
            Ok(format) => self.dispatch(parts, body, format).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = outcome.unwrap_or_else(|refusal| refused(&refusal));
        if let Ok(token) = HeaderValue::from_str(&format!("devkit:{}", self.calls.load(Ordering::Relaxed))) {
            response.headers_mut().insert("upstash-sync-token", token);
        }
        response
    }

    async fn dispatch(&self, parts: &Parts, body: Option<Bytes>, format: Format) -> Result<Response<Body>, Refusal> {
        let body = body.ok_or(Refusal::bad("ERR max request size exceeded"))?;
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        if let Some(subject) = events::Subject::of(path) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            return events::answer(&self.runner.pool, subject, self.stopping.clone()).await;
        }
        let answer = match path {
            "/" => {
                let command = Command::from_json(&body)?;
                self.count(self.runner.single(command, format)).await?
            }
            "/pipeline" => {
                let commands = Command::list_from_json(&body)?;
                self.count(self.runner.pipeline(commands, format)).await?
            }
            "/multi-exec" => {
                let commands = Command::list_from_json(&body)?;
                let format = if format == Format::Resp2 { Format::Json } else { format };
                return Ok(respond(self.count(self.runner.transaction(commands, format)).await?, format));
            }
            _ => {
                let command = Command::from_path(path, query, &body)?;
                self.count(self.runner.single(command, format)).await?
            }
        };
        Ok(respond(answer, format))
    }

    async fn count(&self, run: impl Future<Output = Result<Answer, Refusal>>) -> Result<Answer, Refusal> {
        let answer = run.await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        answer
    }

    fn administer(&self, parts: &Parts, body: &[u8]) -> Response<Body> {
        let outcome =
            permit::authenticate(&self.token, parts).and_then(|()| admin::answer(&self.faults, &parts.method, body));
        match outcome {
            Ok(body) => respond(Answer { status: StatusCode::OK, body }, Format::Json),
            Err(refusal) => refused(&refusal),
        }
    }
}

fn respond(answer: Answer, format: Format) -> Response<Body> {
    let content_type = if format == Format::Resp2 { BINARY } else { JSON };
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let mut body = Vec::new();
    reply::write_error(&mut body, &refusal.message);
    respond(Answer { status: refusal.status, body }, Format::Json)
}

/// The answer of a service that is too busy, or of the gateway before it.
fn failure(status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !status.is_server_error() {
        return refused(&Refusal::new(status, format!("ERR {status}, as asked for by a fault")));
    }
    let page =
        format!("<html>\r\n<head><title>{status}</title></head>\r\n<body><h1>{status}</h1></body>\r\n</html>\r\n");
    let mut response = respond(Answer { status, body: page.into_bytes() }, Format::Json);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

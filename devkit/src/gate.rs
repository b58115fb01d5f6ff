//! A gate between a process and the services it calls: lets calls through until one at which the process is to die.
//!
//! The call is held there for good, before it is passed on or after it was answered, so that whoever started the process can kill it at
//! exactly that point.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::sync::watch;

use crate::serve::{Served, serve};
use crate::shared::Shared;

/// On which side of a call the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The service never hears of the call.
    Before,
    /// The service has acted; nobody hears its answer.
    After,
}

/// At which call the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The so-many-th from here, from 1.
    Call(usize),
    /// Any to the service of this name.
    To(&'static str),
}

/// The gate; what is behind it is reached at `url/<name>`.
#[derive(Debug)]
pub struct Gate {
    served: Served,
    state: Arc<Passage>,
}

#[derive(Debug)]
struct Passage {
    http: reqwest::Client,
    behind: Vec<(&'static str, String)>,
    calls: AtomicUsize,
    stop: Shared<Option<(Point, Side)>>,
    stopped: watch::Sender<bool>,
}

impl Gate {
    /// Opens a gate before services, each with a name and its address without a slash at its end.
    ///
    /// # Errors
    /// When no port of this machine can be had.
    pub async fn open(behind: Vec<(&'static str, String)>) -> io::Result<Self> {
        let http = holdfast::outbound::client().map_err(io::Error::other)?;
        let (calls, stop, stopped) = (AtomicUsize::new(0), Shared::default(), watch::Sender::new(false));
        let state = Arc::new(Passage { http, behind, calls, stop, stopped });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&state));
        Ok(Self { served: serve(router).await?, state })
    }

    /// The address of a service behind the gate.
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.served.url())
    }

    /// Counts calls from here, and holds one on this side of it.
    pub fn stop_at(&self, point: Point, side: Side) {
        self.state.calls.store(0, Ordering::SeqCst);
        self.state.stopped.send_replace(false);
        *self.state.stop.lock() = Some((point, side));
    }

    /// Lets everything through.
    pub fn stop_nowhere(&self) {
        *self.state.stop.lock() = None;
        self.state.stopped.send_replace(false);
    }

    /// Waits until a call is held.
    pub async fn stopped(&self) {
        let mut stopped = self.state.stopped.subscribe();
        // The sender lives as long as `self`, so there is always an answer.
        let _held = stopped.wait_for(|stopped| *stopped).await;
    }
}

async fn pass(
    State(passage): State<Arc<Passage>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let to = uri.path_and_query().map_or("/", PathAndQuery::as_str).trim_start_matches('/');
    let (name, path) = to.split_once('/').unwrap_or((to, ""));
    let Some((name, behind)) = passage.behind.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let stop = passage.stop_of(name);
    if stop == Some(Side::Before) {
        return passage.hold().await;
    }
    let request = passage.http.request(method, format!("{behind}/{path}")).headers(end_to_end(headers));
    let answer = match request.body(body).send().await {
        Ok(answer) => answer,
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let (status, headers) = (answer.status(), end_to_end(answer.headers().clone()));
    let body = answer.bytes().await.unwrap_or_default();
    if stop == Some(Side::After) {
        return passage.hold().await;
    }
    (status, headers, Body::from(body)).into_response()
}

impl Passage {
    /// On which side the call that comes now is held, if it is.
    fn stop_of(&self, name: &str) -> Option<Side> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let stop = *self.stop.lock();
        let (point, side) = stop?;
        let is_it = match point {
            Point::Call(number) => number == call,
            Point::To(service) => service == name,
        };
        is_it.then_some(side)
    }

    async fn hold(&self) -> Response {
        self.stopped.send_replace(true);
        std::future::pending().await
    }
}

/// Leaves out the headers that belong to one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}

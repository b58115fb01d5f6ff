//! A router on a TCP port, whose handlers may also end the connection instead of answering.
//!
//! A server that dies between reading a request and answering it is what clients meet in the wild,
//! and no HTTP status can play it. A response made by [`sever`] is never written: the connection
//! ends instead.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A running server; dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Served {
    addr: SocketAddr,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Served {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://address`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops listening, ends every connection, and returns when both are done.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // The task neither panics nor is it aborted by anyone else.
            let _ended = task.await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves the router on a free port of the loopback interface.
pub async fn serve(router: Router) -> io::Result<Served> {
    serve_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, router)
}

/// Serves the router on a listener that is bound already.
pub fn serve_on(listener: TcpListener, router: Router) -> io::Result<Served> {
    let addr = listener.local_addr()?;
    let stop = CancellationToken::new();
    let task = tokio::spawn(accept(listener, router, stop.clone()));
    Ok(Served { addr, stop, task: Some(task) })
}

async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, router.clone()));
                }
                Err(error) => tracing::warn!(%error, "cannot accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

async fn answer(stream: TcpStream, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answering = router.call(request);
        async move {
            let response = answering.await.unwrap_or_else(|never: Infallible| match never {});
            if response.extensions().get::<Sever>().is_some() { Err(Severed) } else { Ok(response) }
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended early");
    }
}

/// A response that is never written: this server closes the connection instead.
///
/// Under another server it is a 502 whose body breaks off.
pub fn sever() -> Response {
    let mut response = Response::new(Body::new(BrokenOff::Fail));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(Sever);
    response
}

/// The response with its body broken off in the middle; the length announced stays the whole one.
pub async fn cut(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = axum::body::to_bytes(body, usize::MAX).await else {
        return sever();
    };
    parts.headers.insert(CONTENT_LENGTH, whole.len().into());
    let first = whole.slice(..whole.len() / 2);
    Response::from_parts(parts, Body::new(BrokenOff::Send(first)))
}

/// The status the caller sees; `None` when the connection is closed instead.
pub(crate) fn status_seen(response: &Response) -> Option<u16> {
    response.extensions().get::<Sever>().is_none().then(|| response.status().as_u16())
}

#[derive(Clone, Copy)]
struct Sever;

#[derive(Debug, thiserror::Error)]
#[error("the connection is closed before the answer's end, as asked")]
struct Severed;

/// A body that gives its first part and then fails, which ends the connection.
enum BrokenOff {
    Send(Bytes),
    /// Once pending, so that the server writes out what it has before it learns of the failure.
    Flush,
    Fail,
}

impl hyper::body::Body for BrokenOff {
    type Data = Bytes;
    type Error = Severed;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Severed>>> {
        match std::mem::replace(&mut *self, Self::Fail) {
            Self::Send(first) => {
                *self = Self::Flush;
                Poll::Ready(Some(Ok(Frame::data(first))))
            }
            Self::Flush => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Fail => Poll::Ready(Some(Err(Severed))),
        }
    }
}

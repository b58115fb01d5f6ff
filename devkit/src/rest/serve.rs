//! Connections: accepted, served by HTTP/1.1, and broken where a fault asks for it.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::handler::Handler;

/// Longest wait for requests under way when the server stops. Chosen: Ctrl-C should feel immediate.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// Pause after a failed accept (too many open files). Chosen: enough for one to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves until it is told to stop, and then finishes what is under way.
pub(super) async fn accept(listener: TcpListener, handler: Arc<Handler>, stopping: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&handler), stopping.clone()));
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                drop(tokio::time::timeout(ACCEPT_PAUSE, stopping.cancelled()).await);
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_LIMIT, drained).await.is_err() {
        connections.shutdown().await;
    }
}

async fn serve(stream: TcpStream, handler: Arc<Handler>, stopping: CancellationToken) {
    drop(stream.set_nodelay(true));
    let service = service_fn(|request| handler.handle(request));
    let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!("a connection broke: {error}");
    }
}

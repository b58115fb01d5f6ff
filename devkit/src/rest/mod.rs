//! Upstash's REST API in front of any Redis, and faults on request.
//!
//! It speaks what the official SDKs speak: commands as JSON arrays and as paths, `/pipeline`, `/multi-exec`,
//! `/subscribe`, `/psubscribe` and `/monitor` as server-sent events, base64 and RESP2 answers, with Upstash's
//! statuses and error texts. Redis's own errors are passed on word for word.
//!
//! Left to others: TLS, quotas and billing, the read-only token, and the check that a script which locks its
//! keys uses no others.

mod address;
mod allowed;
mod body;
mod command;
mod connection;
mod events;
mod faults;
mod handler;
mod key_locking;
mod permit;
mod pool;
mod reply;
mod run;
mod serve;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use address::{ParseAddressError, RedisAddress};
pub use faults::{Fault, Faults};
use handler::Handler;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What to serve, and where.
#[derive(Clone, Debug)]
pub struct RestOptions {
    /// Where to listen; port 0 is a free one.
    pub listen: SocketAddr,
    /// The token callers must show.
    pub token: String,
    /// The Redis behind it. It need not be there yet.
    pub redis: RedisAddress,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("port {} on {} is in use: expected a free one for the REST server", address.port(), address.ip())]
    PortInUse {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The operating system refused for another reason.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// A running server. Dropped, it breaks off what it is doing; [`RestServer::stop`] does not.
#[derive(Debug)]
pub struct RestServer {
    address: SocketAddr,
    handler: Arc<Handler>,
    accepting: JoinHandle<()>,
    stopping: CancellationToken,
}

impl RestServer {
    /// Starts serving on the current runtime.
    pub async fn start(options: RestOptions) -> Result<Self, StartError> {
        let address = options.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortInUse { address },
            _ => StartError::Listen { address, source },
        })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        let stopping = CancellationToken::new();
        let handler = Arc::new(Handler::new(options.token, options.redis, stopping.clone()));
        let accepting = tokio::spawn(serve::accept(listener, Arc::clone(&handler), stopping.clone()));
        Ok(Self { address, handler, accepting, stopping })
    }

    /// The URL to give a client, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token callers must show.
    pub fn token(&self) -> &str {
        self.handler.token()
    }

    /// What may go wrong, on request.
    pub fn faults(&self) -> &Faults {
        &self.handler.faults
    }

    /// How many HTTP requests ran commands since the start: those Redis was asked for.
    pub fn calls(&self) -> u64 {
        self.handler.calls.load(Ordering::Relaxed)
    }

    /// Takes no more requests, finishes those it has, and ends the streams and the stalled ones.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        // It ends by itself, in bounded time; that it panicked was said where it happened.
        drop((&mut self.accepting).await);
    }
}

impl Drop for RestServer {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.accepting.abort();
    }
}

//! Bodies: of requests, up to a limit; of answers, whole, cut half-way, or a stream of events.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

/// Largest body of a request, in bytes: Upstash's limit (documentation, August 2026).
const MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;

/// The whole body of a request, or nothing if it is over the limit. It is read to its end all the same: a
/// caller that is still writing would not read the answer.
pub(super) async fn collect(mut incoming: Incoming) -> hyper::Result<Option<Bytes>> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let is_first = length == 0;
        length += data.len();
        if is_first {
            // Most bodies come in one piece, and are not copied.
            first = data;
        } else if length <= MAX_REQUEST_BYTES {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
    }
    let whole = if joined.is_empty() { first } else { joined.freeze() };
    Ok((length <= MAX_REQUEST_BYTES).then_some(whole))
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it.
    Whole(Option<Bytes>),
    /// Only `rest`, though `length` bytes were promised; then the connection breaks.
    Cut { rest: Bytes, length: u64, flushed: bool },
    /// What comes, until the sender is dropped.
    Events(mpsc::Receiver<Bytes>),
}

/// Why a connection is closed in the middle of an answer: a fault asked for it.
#[derive(Debug, thiserror::Error)]
#[error("a fault closes this connection")]
pub(super) struct Broken;

impl Body {
    /// Makes a whole body one that ends half-way.
    pub(super) fn cut(self) -> Self {
        match self {
            Body::Whole(Some(bytes)) => {
                let length = bytes.len() as u64;
                Body::Cut { rest: bytes.slice(..bytes.len() / 2), length, flushed: false }
            }
            other => other,
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body::Whole(Some(bytes.into()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Cut { rest, .. } if !rest.is_empty() => Poll::Ready(Some(Ok(Frame::data(std::mem::take(rest))))),
            // The connection writes what it has only when the body has nothing for it at the moment.
            Body::Cut { flushed, .. } if !*flushed => {
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Body::Cut { .. } => Poll::Ready(Some(Err(Broken))),
            Body::Events(events) => events.poll_recv(context).map(|event| event.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Cut { length, .. } => SizeHint::with_exact(*length),
            Body::Events(_) => SizeHint::default(),
        }
    }
}

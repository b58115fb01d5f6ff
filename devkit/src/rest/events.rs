//! `/subscribe`, `/psubscribe` and `/monitor` as server-sent events.
//!
//! Each stream has a connection to Redis of its own, which is closed when the caller goes away or the server
//! stops. What Redis refuses at the start is answered 400.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use percent_encoding::percent_decode_str;
use redis_protocol::resp2::types::RangeFrame;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::command::Command;
use super::connection::{Listener, RedisError};
use super::pool::Pool;
use super::reply::{Refusal, Reply};

/// How many events may wait for a slow caller before Redis is no longer read. Chosen: a burst fits.
const WAITING_EVENTS: usize = 64;

/// Longest wait for Redis to say that it was heard. Chosen: as for a connection.
const FIRST_LIMIT: Duration = Duration::from_secs(2);

/// What is listened to.
#[derive(Debug)]
pub(super) struct Subject<'a>(Command<'a>);

impl<'a> Subject<'a> {
    /// The subject of a path, if it is one of the three.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let mut segments = path.trim_matches('/').split('/');
        let name = segments.next()?;
        let known = ["subscribe", "psubscribe", "monitor"].iter().any(|known| name.eq_ignore_ascii_case(known));
        known.then(|| {
            let channels = segments.map(|segment| percent_decode_str(segment).into());
            Self(Command([Cow::Borrowed(name.as_bytes())].into_iter().chain(channels).collect()))
        })
    }
}

/// Starts listening and answers with the stream.
pub(super) async fn answer(
    pool: &Pool,
    subject: Subject<'_>,
    stopping: CancellationToken,
) -> Result<Response<Body>, Refusal> {
    let mut wire = Vec::new();
    subject.0.write(&mut wire);
    let mut listener = pool.open().await?.listen(&wire).await?;
    let first = timeout(FIRST_LIMIT, listener.next()).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let first = first.map_err(RedisError::Unknown)?;
    if let Some(error) = first.iter().find_map(Reply::error) {
        return Err(Refusal::bad(error.into_owned()));
    }
    let (sender, events) = mpsc::channel(WAITING_EVENTS);
    for reply in first.iter() {
        // The channel is empty and its receiver is at hand.
        drop(sender.try_send(event(reply)));
    }
    tokio::spawn(pump(listener, sender, stopping));
    let mut response = Response::new(Body::Events(events));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

async fn pump(mut listener: Listener, sender: mpsc::Sender<Bytes>, stopping: CancellationToken) {
    loop {
        let replies = tokio::select! {
            replies = listener.next() => replies,
            () = sender.closed() => return,
            () = stopping.cancelled() => return,
        };
        let Ok(replies) = replies else { return };
        for reply in replies.iter() {
            if sender.send(event(reply)).await.is_err() {
                return;
            }
        }
    }
}

/// The first thing a stream says, and each after it: `data: message,chat,hello`.
fn event(reply: Reply<'_>) -> Bytes {
    let mut text = Vec::new();
    match reply.frame {
        // Upstash puts the answer to MONITOR, and it alone, in quotes.
        RangeFrame::SimpleString(range) if reply.slice(*range) == b"OK" => {
            text.extend_from_slice(b"\"OK\"");
        }
        RangeFrame::Array(parts) => {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write_part(&mut text, reply, part);
            }
        }
        frame => write_part(&mut text, reply, frame),
    }
    // A line end inside would end the field: each line is a field, and the caller joins them.
    let mut event = Vec::with_capacity(text.len() + b"data: \n\n".len());
    for line in String::from_utf8_lossy(&text).split('\n') {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line.as_bytes());
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

fn write_part(text: &mut Vec<u8>, reply: Reply<'_>, part: &RangeFrame) {
    match part {
        RangeFrame::SimpleString(range) | RangeFrame::Error(range) | RangeFrame::BulkString(range) => {
            text.extend_from_slice(reply.slice(*range));
        }
        RangeFrame::Integer(number) => {
            text.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        RangeFrame::Array(_) | RangeFrame::Null => {}
    }
}

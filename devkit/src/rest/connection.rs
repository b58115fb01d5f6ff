//! One plain connection to Redis (RESP2).
//!
//! A whole pipeline is written in one go while its replies are read. A connection that saw an error, or whose
//! exchange was cut short, is not used again: it is dropped.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use redis_protocol::resp2::decode::decode_range;
use redis_protocol::resp2::types::RangeFrame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::address::RedisAddress;
use super::command::Command;
use super::reply::Reply;

/// Longest wait for a connection. Chosen: Redis is on this machine or near it, and a caller waits.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Longest exchange. Chosen: longer than any caller's own limit, so a stuck Redis does not hold requests for ever.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(30);

/// Room made before each read, in bytes. Chosen: most replies fit, and it is cheap to have.
const READ_BYTES: usize = 16 * 1024;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum RedisError {
    /// Nothing of the request was written: it has not run.
    #[error("redis is not reachable: {0}")]
    NotSent(io::Error),
    /// Something was written: it may have run.
    #[error("redis did not answer: {0}")]
    Unknown(io::Error),
}

/// A connection with nothing in flight.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
}

/// A connection whose replies come when Redis has something to say.
#[derive(Debug)]
pub(super) struct Listener {
    stream: TcpStream,
    unread: BytesMut,
}

/// The replies to one exchange, in order.
#[derive(Debug)]
pub(super) struct Replies {
    bytes: BytesMut,
    frames: Vec<(usize, usize, RangeFrame)>,
}

impl Replies {
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Reply<'_>> {
        self.frames.iter().map(|(start, end, frame)| Reply { bytes: &self.bytes[*start..*end], frame })
    }
}

impl Connection {
    pub(super) async fn open(address: &RedisAddress) -> Result<Self, RedisError> {
        let connect = async {
            let stream = TcpStream::connect(&address.host_port).await?;
            stream.set_nodelay(true)?;
            let mut connection = Self { stream };
            connection.greet(address).await?;
            Ok(connection)
        };
        match timeout(CONNECT_LIMIT, connect).await {
            Ok(connected) => connected.map_err(RedisError::NotSent),
            Err(_) => Err(RedisError::NotSent(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Logs in and chooses the database, where the address says so.
    async fn greet(&mut self, address: &RedisAddress) -> io::Result<()> {
        let (mut wire, mut expected) = (Vec::new(), 0);
        let mut say = |words: &[&str]| {
            Command(words.iter().map(|word| Cow::Borrowed(word.as_bytes())).collect()).write(&mut wire);
            expected += 1;
        };
        match (&address.username, &address.password) {
            (Some(username), Some(password)) => say(&["AUTH", username, password]),
            (_, Some(password)) => say(&["AUTH", password]),
            _ => {}
        }
        if address.database != 0 {
            say(&["SELECT", &address.database.to_string()]);
        }
        if expected == 0 {
            return Ok(());
        }
        let replies = self.exchange(&wire, expected).await.map_err(|error| match error {
            RedisError::NotSent(error) | RedisError::Unknown(error) => error,
        })?;
        match replies.iter().find_map(Reply::error) {
            Some(error) => Err(io::Error::other(error.into_owned())),
            None => Ok(()),
        }
    }

    /// Whether the connection is still open and has nothing to say.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Writes `wire` and reads as many replies as are expected.
    pub(super) async fn exchange(&mut self, wire: &[u8], expected: usize) -> Result<Replies, RedisError> {
        let (mut from_redis, mut to_redis) = self.stream.split();
        let mut written = false;
        let both =
            async { tokio::try_join!(write(&mut to_redis, wire, &mut written), read(&mut from_redis, expected)) };
        let outcome = timeout(EXCHANGE_LIMIT, both).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match outcome {
            Ok(((), replies)) => Ok(replies),
            Err(error) if written => Err(RedisError::Unknown(error)),
            Err(error) => Err(RedisError::NotSent(error)),
        }
    }

    /// Writes `wire` and from then on only listens.
    pub(super) async fn listen(mut self, wire: &[u8]) -> Result<Listener, RedisError> {
        let mut written = false;
        match write(&mut self.stream.split().1, wire, &mut written).await {
            Ok(()) => Ok(Listener { stream: self.stream, unread: BytesMut::new() }),
            Err(error) => Err(RedisError::NotSent(error)),
        }
    }
}

impl Listener {
    /// The next reply, however long it takes. Dropped while it waits, it has lost nothing.
    pub(super) async fn next(&mut self) -> io::Result<Replies> {
        loop {
            if let Some((frame, length)) = decode_range(&self.unread).map_err(io::Error::other)? {
                return Ok(Replies { bytes: self.unread.split_to(length), frames: vec![(0, length, frame)] });
            }
            read_some(&mut self.stream.split().0, &mut self.unread).await?;
        }
    }
}

async fn write(to_redis: &mut WriteHalf<'_>, mut wire: &[u8], written: &mut bool) -> io::Result<()> {
    while !wire.is_empty() {
        let count = to_redis.write(wire).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        *written = true;
        wire = &wire[count..];
    }
    Ok(())
}

async fn read(from_redis: &mut ReadHalf<'_>, expected: usize) -> io::Result<Replies> {
    let mut bytes = BytesMut::new();
    let mut frames = Vec::with_capacity(expected);
    let mut start = 0;
    while frames.len() < expected {
        read_some(from_redis, &mut bytes).await?;
        // All replies together end with a line end, so there is no need to parse what does not. It keeps a
        // large reply, which comes in many parts, from being parsed once a part.
        if !bytes.ends_with(b"\r\n") {
            continue;
        }
        while frames.len() < expected {
            let Some((frame, length)) = decode_range(&bytes[start..]).map_err(io::Error::other)? else {
                break;
            };
            frames.push((start, start + length, frame));
            start += length;
        }
    }
    if start == bytes.len() {
        Ok(Replies { bytes, frames })
    } else {
        Err(io::Error::other("more replies than commands"))
    }
}

async fn read_some(from_redis: &mut ReadHalf<'_>, bytes: &mut BytesMut) -> io::Result<()> {
    bytes.reserve(READ_BYTES.max(bytes.len()));
    if from_redis.read_buf(bytes).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

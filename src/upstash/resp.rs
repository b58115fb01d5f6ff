//! Redis' own protocol, RESP2, over TCP or TLS: one pipeline a request, on one connection that all callers share.
//!
//! It is opened when it is first needed and again after it broke. What was under way on it then has no known end, as with any reply that
//! is lost; what could not be connected was not sent. No error repeats the address, which holds the password.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, RedisError, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::reply::Item;
use super::{Reply, UpstashError};
use crate::config::Secret;

/// Longest time for a connection with its TLS handshake and login. Chosen: four round trips at 300 ms; the same second that REST gives a
/// connection, and a call has time for one more.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_200);

/// One server.
pub(super) struct Resp {
    client: redis::Client,
    open: Mutex<Open>,
}

/// The connection, where there is one, and how many there were before it.
#[derive(Default)]
struct Open {
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Resp {
    /// # Errors
    /// [`UpstashError::Refused`] where the address cannot be read.
    pub(super) fn new(url: &Secret) -> Result<Self, UpstashError> {
        let unreadable = |_| UpstashError::Refused("the address cannot be read".into());
        let client = redis::Client::open(url.expose()).map_err(unreadable)?;
        Ok(Self { client, open: Mutex::default() })
    }

    /// Sends one pipeline and reads its results.
    pub(super) async fn send(
        &self,
        commands: &[Vec<Cow<'_, str>>],
        timeout: Duration,
    ) -> Result<Vec<Item>, UpstashError> {
        let now = Instant::now();
        let deadline = now + timeout;
        let connected = timeout_at(deadline.min(now + CONNECT_TIMEOUT), self.connection()).await;
        let not_in_time = |_| Err(UpstashError::NotSent("no connection in time".into()));
        let (number, mut connection) = connected.unwrap_or_else(not_in_time)?;
        let pipeline = pipeline(commands);
        let error = match timeout_at(deadline, connection.req_packed_commands(&pipeline, 0, commands.len())).await {
            Ok(Ok(values)) => return values.into_iter().map(item).collect(),
            Ok(Err(error)) if error.kind() == ErrorKind::Parse => "the answer cannot be read",
            Ok(Err(_)) => "the connection broke",
            Err(_) => "no answer in time",
        };
        self.give_up(number).await;
        Err(UpstashError::Unknown(error.into()))
    }

    /// Returns the connection, opened where there is none. Callers that come meanwhile wait for the same one.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), UpstashError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &open.connection {
            return Ok((open.number, connection.clone()));
        }
        // The times are ours, so that they are the same as over REST.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let connection = connection.map_err(|error| not_connected(&error))?;
        open.number += 1;
        open.connection = Some(connection.clone());
        Ok((open.number, connection))
    }

    /// Forgets a connection that did not do its work, unless another has taken its place.
    async fn give_up(&self, number: u64) {
        let mut open = self.open.lock().await;
        if open.number == number {
            open.connection = None;
        }
    }
}

fn pipeline(commands: &[Vec<Cow<'_, str>>]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    for words in commands {
        let bytes = words.iter().map(|word| word.len()).sum();
        let mut command = Cmd::with_capacity(words.len(), bytes);
        for word in words {
            command.arg(word.as_ref());
        }
        pipeline.add_command(command);
    }
    pipeline
}

/// What kept a connection from being made. A login that is refused will be so again; all else may pass.
fn not_connected(error: &RedisError) -> UpstashError {
    let code = error.code().unwrap_or_default();
    if error.kind() == ErrorKind::AuthenticationFailed || matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM") {
        return UpstashError::Refused("the user name or password is wrong, or may not do this".into());
    }
    match error.kind() {
        ErrorKind::Io if is_untrusted(error) => UpstashError::NotSent("the server's certificate is not trusted".into()),
        ErrorKind::InvalidClientConfig => UpstashError::Refused("the address asks for what is not supported".into()),
        ErrorKind::Io => UpstashError::NotSent("no connection".into()),
        _ => UpstashError::NotSent("the server did not take the connection".into()),
    }
}

/// Tells a TLS handshake that our side ended because of the server's certificate. `checks/rediss` has one refused.
fn is_untrusted(error: &RedisError) -> bool {
    let shared = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let io = shared.and_then(|error| error.downcast_ref::<io::Error>());
    let tls = io.and_then(io::Error::get_ref).and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

fn item(value: Value) -> Result<Item, UpstashError> {
    if let Value::ServerError(error) = value {
        let mut text = [error.code(), error.details().unwrap_or_default()].join(" ");
        // What a server says to a long request before a login, instead of NOAUTH.
        if text.contains("Protocol error: unauthenticated") {
            text = "NOAUTH the server asks for a password".into();
        }
        return Ok(Item { result: None, error: Some(text.trim_end().to_owned()) });
    }
    Ok(Item { result: Some(reply(value)?), error: None })
}

fn reply(value: Value) -> Result<Reply, UpstashError> {
    match value {
        Value::Nil => Ok(Reply::Null),
        Value::Int(number) => Ok(Reply::Integer(number)),
        Value::BulkString(bytes) => Ok(Reply::Text(text(bytes))),
        Value::SimpleString(text) => Ok(Reply::Text(text)),
        Value::Okay => Ok(Reply::Text("OK".into())),
        Value::Array(items) => items.into_iter().map(reply).collect::<Result<_, _>>().map(Reply::Array),
        _ => Err(UpstashError::Unknown("the reply has a value that RESP2 does not know".into())),
    }
}

/// Reads a text. What is none is shown as U+FFFD, as the REST API does: one job's odd bytes must not hide the answer about all others.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_do_over_rest() {
        let value = Value::Array(vec![
            Value::Nil,
            Value::Int(i64::MAX),
            Value::BulkString("ä😀\0".into()),
            Value::Okay,
            Value::SimpleString("QUEUED".into()),
            Value::Array(vec![]),
        ]);
        let text = |text: &str| Reply::Text(text.into());
        let expected =
            [Reply::Null, Reply::Integer(i64::MAX), text("ä😀\0"), text("OK"), text("QUEUED"), Reply::Array(vec![])];
        assert_eq!(reply(value), Ok(Reply::Array(expected.into())));
        assert_eq!(reply(Value::BulkString(b"a\xff".to_vec())), Ok(text("a\u{fffd}")));
        assert!(reply(Value::Double(1.5)).is_err());
    }

    #[test]
    fn an_address_that_cannot_be_read_is_not_repeated() {
        let error = Resp::new(&Secret::new("redis://:hunter2@host:notaport")).err().unwrap();
        assert_eq!(error.to_string(), "Redis refused: the address cannot be read");
    }
}

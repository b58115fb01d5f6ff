//! Runs the commands of a request and writes its answer.

use std::borrow::Cow;

use http::StatusCode;

use super::allowed;
use super::command::Command;
use super::connection::{RedisError, Replies};
use super::key_locking::KeyLocking;
use super::pool::Pool;
use super::reply::{self, Format, Refusal, Reply};

/// What runs commands: Redis and what is known of its scripts.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) pool: Pool,
    pub(super) key_locking: KeyLocking,
}

/// A status and a body, in the format that was asked for.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// What becomes of one command of a request.
enum Fate {
    /// It is not sent.
    Refused(String),
    /// Redis's reply is the result.
    Sent,
    /// It is sent, and its result, if it is no error, is this text.
    Renamed(String),
}

impl Runner {
    /// Runs one command. 400 if it is refused or fails.
    pub(super) async fn single(&self, command: Command<'_>, format: Format) -> Result<Answer, Refusal> {
        let mut wire = Vec::new();
        let fate = self.prepare(command, &mut wire);
        let replies = self.exchange(&wire, usize::from(fate.is_sent())).await?;
        let reply = replies.as_ref().and_then(|replies| replies.iter().next());
        let failed = reply.is_none_or(|reply| reply.error().is_some());
        let status = if failed { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let mut body = Vec::new();
        write(&mut body, &fate, reply, format);
        Ok(Answer { status, body })
    }

    /// Runs commands one after the other; each has its own result, and the whole is 200.
    pub(super) async fn pipeline(&self, commands: Vec<Command<'_>>, format: Format) -> Result<Answer, Refusal> {
        let mut wire = Vec::new();
        let fates: Vec<Fate> = commands.into_iter().map(|command| self.prepare(command, &mut wire)).collect();
        let sent = fates.iter().filter(|fate| fate.is_sent()).count();
        let replies = self.exchange(&wire, sent).await?;
        let mut replies = replies.iter().flat_map(Replies::iter);
        Ok(list(&fates, format, |fate| if fate.is_sent() { replies.next() } else { None }))
    }

    /// Runs commands as one transaction. A single error, and nothing run, if one of them is refused.
    pub(super) async fn transaction(&self, commands: Vec<Command<'_>>, format: Format) -> Result<Answer, Refusal> {
        let mut wire = b"*1\r\n$5\r\nMULTI\r\n".to_vec();
        let mut fates = Vec::with_capacity(commands.len());
        for command in commands {
            match self.prepare(command, &mut wire) {
                Fate::Refused(message) => return Err(Refusal::bad(message)),
                fate => fates.push(fate),
            }
        }
        wire.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        let replies = self.exchange(&wire, fates.len() + 2).await?;
        let executed = replies.as_ref().and_then(|replies| replies.iter().last());
        if let Some(mut results) = executed.and_then(Reply::parts) {
            return Ok(list(&fates, format, |_| results.next()));
        }
        let error = executed.and_then(Reply::error);
        Err(Refusal::bad(error.map_or("EXECABORT Transaction discarded".to_owned(), Cow::into_owned)))
    }

    /// Runs what is in `wire`; nothing if no command is left in it.
    async fn exchange(&self, wire: &[u8], sent: usize) -> Result<Option<Replies>, Refusal> {
        if sent == 0 { Ok(None) } else { Ok(Some(self.pool.run(wire, sent).await?)) }
    }

    /// Appends a command to `wire`, unless it is refused.
    fn prepare(&self, mut command: Command<'_>, wire: &mut Vec<u8>) -> Fate {
        if let Some(message) = allowed::refusal(&command) {
            return Fate::Refused(message);
        }
        let renamed = self.key_locking.adapt(&mut command);
        command.write(wire);
        renamed.map_or(Fate::Sent, Fate::Renamed)
    }
}

impl Fate {
    fn is_sent(&self) -> bool {
        !matches!(self, Fate::Refused(_))
    }
}

impl From<RedisError> for Refusal {
    fn from(error: RedisError) -> Self {
        let status = match error {
            RedisError::NotSent(_) => StatusCode::SERVICE_UNAVAILABLE,
            RedisError::Unknown(_) => StatusCode::BAD_GATEWAY,
        };
        tracing::warn!(outcome = "failed", "{error}");
        Refusal::new(status, format!("ERR {error}"))
    }
}

fn list<'a>(fates: &[Fate], format: Format, mut reply: impl FnMut(&Fate) -> Option<Reply<'a>>) -> Answer {
    let mut body = Vec::new();
    let json = format != Format::Resp2;
    if json {
        body.push(b'[');
    }
    for (index, fate) in fates.iter().enumerate() {
        if json && index > 0 {
            body.push(b',');
        }
        write(&mut body, fate, reply(fate), format);
    }
    if json {
        body.push(b']');
    }
    Answer { status: StatusCode::OK, body }
}

fn write(body: &mut Vec<u8>, fate: &Fate, reply: Option<Reply<'_>>, format: Format) {
    let resp2 = format == Format::Resp2;
    match (fate, reply) {
        (Fate::Refused(message), _) if resp2 => {
            body.extend_from_slice(format!("-{message}\r\n").as_bytes());
        }
        (Fate::Refused(message), _) => reply::write_error(body, message),
        (Fate::Renamed(text), Some(reply)) if reply.error().is_none() => {
            if resp2 {
                body.extend_from_slice(format!("${}\r\n{text}\r\n", text.len()).as_bytes());
            } else {
                reply::write_text(body, text, format);
            }
        }
        (_, Some(reply)) if resp2 => body.extend_from_slice(reply.bytes),
        (_, Some(reply)) => reply::write_item(body, reply, format),
        // As many replies are read as commands were sent.
        (_, None) => reply::write_error(body, "ERR no reply"),
    }
}

//! Runs the commands of a request and writes its answer.

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
        if let Fate::Refused(message) = fate {
            return Err(Refusal::bad(message));
        }
        let replies = self.pool.run(&wire, 1).await.map_err(|error| unreachable_redis(&error))?;
        let mut body = Vec::new();
        let mut failed = false;
        for reply in replies.iter() {
            failed = reply.error().is_some();
            write(&mut body, &fate, Some(reply), format);
        }
        Ok(Answer { status: if failed { StatusCode::BAD_REQUEST } else { StatusCode::OK }, body })
    }

    /// Runs commands one after the other; each has its own result, and the whole is 200.
    pub(super) async fn pipeline(&self, commands: Vec<Command<'_>>, format: Format) -> Result<Answer, Refusal> {
        let mut wire = Vec::new();
        let fates: Vec<Fate> = commands.into_iter().map(|command| self.prepare(command, &mut wire)).collect();
        let sent = fates.iter().filter(|fate| !matches!(fate, Fate::Refused(_))).count();
        let replies = if sent == 0 {
            None
        } else {
            Some(self.pool.run(&wire, sent).await.map_err(|error| unreachable_redis(&error))?)
        };
        let mut replies = replies.iter().flat_map(Replies::iter);
        Ok(list(&fates, format, |fate| if matches!(fate, Fate::Refused(_)) { None } else { replies.next() }))
    }

    /// Runs commands as one transaction. A single error, and nothing run, if one of them is refused.
    pub(super) async fn transaction(&self, commands: Vec<Command<'_>>, format: Format) -> Result<Answer, Refusal> {
        let mut wire = b"*1\r\n$5\r\nMULTI\r\n".to_vec();
        let fates: Vec<Fate> = commands.into_iter().map(|command| self.prepare(command, &mut wire)).collect();
        if let Some(message) = fates.iter().find_map(|fate| match fate {
            Fate::Refused(message) => Some(message),
            _ => None,
        }) {
            return Err(Refusal::bad(message.clone()));
        }
        wire.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        let replies = self.pool.run(&wire, fates.len() + 2).await.map_err(|error| unreachable_redis(&error))?;
        let Some(executed) = replies.iter().last() else {
            return Err(discarded());
        };
        match (executed.parts(), executed.error()) {
            (Some(mut parts), _) => Ok(list(&fates, format, |_| parts.next())),
            (None, Some(error)) => Err(Refusal::bad(error.into_owned())),
            (None, None) => Err(discarded()),
        }
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

fn discarded() -> Refusal {
    Refusal::bad("EXECABORT Transaction discarded")
}

fn unreachable_redis(error: &RedisError) -> Refusal {
    let status = match error {
        RedisError::NotSent(_) => StatusCode::SERVICE_UNAVAILABLE,
        RedisError::Unknown(_) => StatusCode::BAD_GATEWAY,
    };
    tracing::warn!(outcome = "failed", "{error}");
    Refusal::new(status, format!("ERR {error}"))
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

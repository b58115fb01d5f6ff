//! When a started Redis is ready: it answers, and it is the one we started.
//!
//! The second matters because another server may sit on the port: ours then ends with an error, but a PING
//! in the meantime would be answered.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::StartError;
use super::guard::{Guarded, POLL};

/// Longest wait for the first answer. Chosen: a start takes 10 ms, on a busy machine with an append-only file
/// to load a few seconds.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Longest wait for an answer to one question. Chosen: what sits on the port may be no Redis and say nothing.
const QUESTION_LIMIT: Duration = Duration::from_secs(1);

/// Waits until the Redis in `process` answers on `address`.
pub(super) async fn wait(mut process: Guarded, address: SocketAddr, program: &str) -> Result<Guarded, StartError> {
    let port = address.port();
    let answered = tokio::time::timeout(START_LIMIT, async {
        let mut tick = tokio::time::interval(POLL);
        loop {
            tick.tick().await;
            if process.has_ended() {
                return false;
            }
            let asked = process.process();
            let answering = tokio::time::timeout(QUESTION_LIMIT, process_answering(address)).await;
            if asked.is_some() && answering == Ok(asked) {
                return true;
            }
        }
    })
    .await;
    let program = program.to_owned();
    match answered {
        Ok(true) => Ok(process),
        Ok(false) => Err(StartError::Ended { program, port, output: process.output() }),
        Err(_) => Err(StartError::Silent { program, port, limit: START_LIMIT, output: process.output() }),
    }
}

/// The process id of the Redis on `address`, if one answers PING there.
async fn process_answering(address: SocketAddr) -> Option<u32> {
    let mut socket = TcpStream::connect(address).await.ok()?;
    socket.write_all(b"PING\r\nINFO server\r\nQUIT\r\n").await.ok()?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.ok()?;
    let answer = std::str::from_utf8(&answer).ok()?.strip_prefix("+PONG\r\n")?;
    answer.lines().find_map(|line| line.strip_prefix("process_id:"))?.parse().ok()
}

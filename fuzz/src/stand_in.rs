//! A server on this machine in the place of Upstash's REST API and of Stripe: it notes what it is asked, and says what it is told to say.

use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request to it.
#[derive(Clone)]
pub struct Asked {
    /// The path with its query.
    pub path: String,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer of its.
#[derive(Clone, Debug)]
pub struct Said {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// What it says to a request.
pub type Says = Box<dyn FnMut(&Asked) -> Said + Send>;

/// What it was asked since a target last looked, and what it says.
pub struct Memory {
    pub asked: Vec<Asked>,
    pub says: Says,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, String::from_utf8_lossy(&self.body))
    }
}

impl Said {
    /// Makes an answer.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into() }
    }
}

/// Serves whoever connects.
pub async fn serve(listener: TcpListener, memory: Arc<Mutex<Memory>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, memory.clone()));
    }
}

async fn converse(mut stream: TcpStream, memory: Arc<Mutex<Memory>>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let (asked, used) = loop {
            if let Some(whole) = request(&bytes) {
                break whole;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        bytes.drain(..used);
        let Said { status, body } = {
            let mut memory = memory.lock().unwrap();
            memory.asked.push(asked.clone());
            (memory.says)(&asked)
        };
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
    }
}

/// Reads the first request of `bytes`, with how many of them it has; nothing where it is not whole.
fn request(bytes: &[u8]) -> Option<(Asked, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let body = bytes.get(end..end + length)?.to_vec();
    Some((Asked { path, body }, end + length))
}

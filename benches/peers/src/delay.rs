//! Distance: a TCP relay that holds back what goes to the server for a while, so each round trip takes so much longer.
//!
//! The same relay stands before Redis for BullMQ and before the REST server for Holdfast. What is held back is not in the way of
//! what comes after it: pipelined requests all wait once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Read at once at most, in bytes. Chosen: a bulk of 100 jobs is a quarter of it.
const CHUNK_BYTES: usize = 256 * 1024;

/// A relay; it lives as long as the process.
pub(crate) struct Relay {
    pub(crate) port: u16,
    delay_ms: Arc<AtomicU64>,
}

impl Relay {
    pub(crate) fn start(target_port: u16) -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let delay_ms = Arc::<AtomicU64>::default();
        let shared = Arc::clone(&delay_ms);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target_port)) else { return };
                drop(connect(client, server, &shared));
            }
        });
        Ok(Self { port, delay_ms })
    }

    /// From now on each round trip takes so much longer.
    pub(crate) fn set(&self, delay_ms: u64) {
        self.delay_ms.store(delay_ms, Ordering::Relaxed);
    }
}

fn connect(client: TcpStream, server: TcpStream, delay_ms: &Arc<AtomicU64>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut back_from, mut back_to) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        drop(std::io::copy(&mut back_from, &mut back_to));
        drop(back_to.shutdown(Shutdown::Both));
    });
    let (sender, receiver) = channel();
    thread::spawn(move || pass_on(&receiver, server));
    let (mut client, delay_ms) = (client, Arc::clone(delay_ms));
    thread::spawn(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(length @ 1..) = client.read(&mut chunk) {
            let due = Instant::now() + Duration::from_millis(delay_ms.load(Ordering::Relaxed));
            if sender.send((due, chunk[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    Ok(())
}

fn pass_on(chunks: &Receiver<(Instant, Vec<u8>)>, mut server: TcpStream) {
    for (due, chunk) in chunks {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if server.write_all(&chunk).is_err() {
            break;
        }
    }
    drop(server.shutdown(Shutdown::Both));
}

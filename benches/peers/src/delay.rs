//! Distance: a TCP relay that holds back what goes to the server for a while, so each round trip takes so much longer.
//!
//! One stands before Redis and one before the REST server. What is held back is not in the way of what comes after it: pipelined requests
//! all wait once. A relay also counts calls.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::wire::Commands;

/// Read at once at most, in bytes. Chosen: a bulk of 100 jobs is a quarter of it.
const CHUNK_BYTES: usize = 256 * 1024;

/// What passes through a relay.
#[derive(Clone, Copy)]
pub(crate) enum Speaks {
    Redis,
    Http,
}

/// A relay; it lives as long as the process.
pub(crate) struct Relay {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    delay_ms: AtomicU64,
    calls: AtomicU64,
}

impl Relay {
    pub(crate) fn start(target_port: u16, speaks: Speaks) -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::<Shared>::default();
        let of_connections = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target_port)) else { return };
                drop(connect(client, server, speaks, &of_connections));
            }
        });
        Ok(Self { port, shared })
    }

    /// From now on each round trip takes so much longer.
    pub(crate) fn set(&self, delay_ms: u64) {
        self.shared.delay_ms.store(delay_ms, Ordering::Relaxed);
    }

    /// Commands or requests on all connections since the start.
    pub(crate) fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }
}

fn connect(client: TcpStream, server: TcpStream, speaks: Speaks, shared: &Arc<Shared>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut back_from, mut back_to) = (server.try_clone()?, client.try_clone()?);
    let answered = Arc::new(AtomicBool::new(true));
    let now_answered = Arc::clone(&answered);
    thread::spawn(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(length @ 1..) = back_from.read(&mut chunk) {
            now_answered.store(true, Ordering::Relaxed);
            if back_to.write_all(&chunk[..length]).is_err() {
                break;
            }
        }
        drop(back_to.shutdown(Shutdown::Both));
    });
    let (sender, receiver) = channel();
    thread::spawn(move || pass_on(&receiver, server));
    let (mut client, shared) = (client, Arc::clone(shared));
    thread::spawn(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut commands = Commands::default();
        while let Ok(length @ 1..) = client.read(&mut chunk) {
            let calls = match speaks {
                Speaks::Redis => commands.read(&chunk[..length]),
                // A request is what is sent once the answer before it has come: no connection is used for two at once.
                Speaks::Http => u64::from(answered.swap(false, Ordering::Relaxed)),
            };
            shared.calls.fetch_add(calls, Ordering::Relaxed);
            let due = Instant::now() + Duration::from_millis(shared.delay_ms.load(Ordering::Relaxed));
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

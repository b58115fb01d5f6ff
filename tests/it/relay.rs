//! A TCP relay before Redis that breaks connections where a test wants it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// What becomes of the next request that has the words of a script call in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Redis never sees it, and the connection ends.
    Before,
    /// Redis does it; the answer is thrown away and the connection ends.
    After,
    /// Redis does it; nothing comes back, and the connection stays.
    Silence,
}

/// A relay; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    next: Arc<Mutex<Vec<Break>>>,
    broken: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Relay {
    pub(crate) async fn before(redis: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Self { address, next: Arc::default(), broken: Arc::default(), connections: Arc::default() };
        let accepting = relay.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(redis).await.unwrap();
                tokio::spawn(accepting.clone().carry(client, server));
            }
        });
        relay
    }

    /// Breaks the next script calls so, one after the other.
    pub(crate) async fn then(&self, breaks: &[Break]) {
        self.next.lock().await.extend(breaks);
    }

    /// How many breaks there were.
    pub(crate) fn broken(&self) -> usize {
        self.broken.load(Ordering::SeqCst)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Carries bytes both ways until one side ends, or a break is due.
    async fn carry(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut request, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut silent = false;
        loop {
            tokio::select! {
                read = client.read(&mut request) => {
                    let Ok(length @ 1..) = read else { return };
                    let bytes = &request[..length];
                    let is_call = bytes.windows(4).any(|word| word == b"EVAL");
                    let mut next = self.next.lock().await;
                    let due = if is_call && !next.is_empty() { Some(next.remove(0)) } else { None };
                    drop(next);
                    self.broken.fetch_add(usize::from(due.is_some()), Ordering::SeqCst);
                    if due == Some(Break::Before) {
                        return;
                    }
                    server.write_all(bytes).await.unwrap();
                    if due == Some(Break::After) {
                        // Its answer says that it was done.
                        let _ = server.read(&mut answer).await;
                        return;
                    }
                    silent |= due == Some(Break::Silence);
                }
                read = server.read(&mut answer) => {
                    let Ok(length @ 1..) = read else { return };
                    if !silent && client.write_all(&answer[..length]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

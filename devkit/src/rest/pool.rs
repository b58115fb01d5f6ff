//! The connections to Redis: one an exchange, kept for the next.
//!
//! Nobody shares one during an exchange, so a transaction is never mixed with another's commands. A connection
//! that Redis has closed meanwhile is noticed before anything is written to it; what fails afterwards is
//! repeated on a new connection only if nothing was written.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::address::RedisAddress;
use super::connection::{Connection, RedisError, Replies};

/// Most exchanges at once. Chosen: many more gain nothing from one Redis, and its limit is 10,000.
const MAX_CONNECTIONS: usize = 256;

/// Opens connections and keeps the idle ones.
#[derive(Debug)]
pub(super) struct Pool {
    address: RedisAddress,
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

impl Pool {
    pub(super) fn new(address: RedisAddress) -> Self {
        Self { address, idle: Mutex::default(), places: Semaphore::new(MAX_CONNECTIONS) }
    }

    /// Runs what is in `wire` on a connection of its own and reads `expected` replies.
    pub(super) async fn run(&self, wire: &[u8], expected: usize) -> Result<Replies, RedisError> {
        // The semaphore is never closed, so this fails never.
        let _place = self.places.acquire().await;
        if let Some(mut connection) = self.take_idle() {
            match connection.exchange(wire, expected).await {
                Err(RedisError::NotSent(_)) => {}
                outcome => return self.settle(connection, outcome),
            }
        }
        let mut connection = self.open().await?;
        let outcome = connection.exchange(wire, expected).await;
        self.settle(connection, outcome)
    }

    /// Opens a connection that is not one of the pool's.
    pub(super) async fn open(&self) -> Result<Connection, RedisError> {
        Connection::open(&self.address).await
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if connection.is_idle() {
                return Some(connection);
            }
        }
        None
    }

    fn settle(&self, connection: Connection, outcome: Result<Replies, RedisError>) -> Result<Replies, RedisError> {
        if outcome.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        outcome
    }
}

//! The REST server, through HTTP, before a real Redis.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod bench;
mod commands;
mod faults;

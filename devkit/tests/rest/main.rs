//! The REST server, through HTTP, before a real Redis.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod addresses;
mod bench;
mod callers;
mod commands;
mod events;
mod faults;
mod formats;
mod outages;
mod processes;
mod scripts;
mod transactions;
mod values;

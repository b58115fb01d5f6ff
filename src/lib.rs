//! Holdfast: an escrow payments API whose side effects never get lost.

pub mod config;
pub mod domain;
pub mod edge;
pub mod outbound;
pub mod queue;
pub mod upstash;
pub mod workers;

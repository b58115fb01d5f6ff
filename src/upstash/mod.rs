//! Redis, over Upstash's REST API: one POST a call, and what may be done when it goes wrong.
//!
//! Promises a bounded time for each call, repeats what is safe to repeat, and splits errors by what the caller may do next. It
//! knows how to run scripts and nothing of what they do. With the feature `resp` the same calls can go over Redis' own protocol.

mod client;
mod error;
pub mod keys;
mod reply;
#[cfg(feature = "resp")]
mod resp;
mod rest;
mod retry;
pub mod script;

pub use client::{Patience, Upstash};
pub use error::UpstashError;
pub use reply::Reply;
pub use script::{Script, ScriptCall};

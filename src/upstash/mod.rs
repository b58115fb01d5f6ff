//! Upstash Redis over REST: one POST a call, and what may be done when it goes wrong.
//!
//! Promises a bounded time for each call, repeats what is safe to repeat, and splits errors by what the caller may do next. It
//! knows how to run scripts and nothing of what they do.

mod client;
mod error;
pub mod keys;
mod reply;
mod retry;
pub mod script;

pub use client::{Patience, Upstash};
pub use error::UpstashError;
pub use reply::Reply;
pub use script::{Script, ScriptCall};

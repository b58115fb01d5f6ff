//! Holdfast's local stack.

mod clock;
pub mod fault;
pub mod journal;
pub mod plan;
pub mod serve;
mod shared;
pub mod webhooks;

//! Holdfast's local stack.

pub mod redis;

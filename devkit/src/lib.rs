//! Holdfast's local stack.

pub mod redis;
pub mod rest;

//! Holdfast's local stack.

pub mod chaos;
pub mod client;
mod clock;
mod control;
pub mod fault;
pub mod gate;
mod id;
pub mod journal;
mod keys;
pub mod last_words;
pub mod mail;
pub mod openapi;
mod page;
pub mod plan;
pub mod postman;
pub mod previews;
pub mod redis;
pub mod rest;
pub mod serve;
mod shared;
pub mod shop;
pub mod stack;
pub mod stripe;
pub mod webhooks;

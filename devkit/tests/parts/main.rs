//! The stand-ins over HTTP, as their clients meet them.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod mail_api;
mod mail_bench;
mod mail_events;
mod pages;
mod stripe_bench;
mod stripe_cards;
mod stripe_events;
mod stripe_faults;
mod stripe_idempotency;
mod stripe_payments;
mod stripe_refunds;
mod stripe_requests;
mod webhook_sink;

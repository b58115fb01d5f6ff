//! The stand-ins over HTTP, as their clients meet them.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod stripe_bench;
mod stripe_payments;

//! Stripe, as far as escrows need it: requests made by `async-stripe-core`, sent by our own client, their answers read field by field.
//!
//! It knows what Stripe said and whether a call may be sent again; what follows for an escrow or a job is left to its callers.

mod client;
mod intent;
mod list;
mod requests;
pub(crate) mod signature;

pub use client::STRIPE_VERSION;
pub(crate) use client::{Stripe, StripeError};
pub(crate) use intent::{Charge, Intent, IntentStatus, Refund};
pub(crate) use requests::{NewPayment, NewRefund, cancel, capture, create_payment, create_refund};

/// The name in a refund's metadata under which its idempotency key stands. Whoever makes refunds writes it.
pub const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// The name in a payment's metadata under which its escrow stands.
pub const ESCROW_ID: &str = "escrow_id";

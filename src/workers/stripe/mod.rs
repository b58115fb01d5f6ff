//! Stripe: makes sure that a capture or a refund happened, where the request that began it may not have seen its end.
//!
//! Stripe's own state is the truth. Each run first reads the payment intent and does only what is missing, so that a second run does
//! nothing, even when Stripe has forgotten the idempotency key. A refusal is judged by a second look: another
//! request may have done the same in between.

mod capture;
mod refund;

use crate::config::StripeConfig;
use crate::domain::id::JobId;
use crate::domain::job::{StripeCapture, StripeRefund};
use crate::domain::outcome::Failure;
use crate::edge::Clock;
use crate::stripe::Stripe;

/// Captures and refunds.
#[derive(Clone, Debug)]
pub(super) struct StripeWorker {
    stripe: Stripe,
}

impl StripeWorker {
    pub(super) fn new(config: StripeConfig, http: reqwest::Client, clock: Clock) -> Self {
        Self { stripe: Stripe::new(config, http, clock) }
    }

    /// Makes sure that a held payment was captured.
    pub(super) async fn capture(&self, wanted: &StripeCapture) -> Result<(), Failure> {
        capture::run(&self.stripe, wanted).await
    }

    /// Makes sure that a payment went back: the hold lifted, or what was captured refunded.
    pub(super) async fn refund(&self, job_id: &JobId, wanted: &StripeRefund) -> Result<(), Failure> {
        refund::run(&self.stripe, job_id, wanted).await
    }
}

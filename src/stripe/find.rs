//! Finds the payment of an escrow without its id.

use std::collections::HashMap;

use serde::Deserialize;

use super::client::{Stripe, StripeError};
use super::{ESCROW_ID, Intent, requests};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};

/// Pages looked through. Chosen: five calls of a third of a second each still fit into a request's time.
const MAX_PAGES: usize = 5;

/// A payment in a list, as far as it tells whose it is.
#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
}

/// One page of payments, newest first.
#[derive(Deserialize)]
struct Page {
    data: Vec<Listed>,
    #[serde(default)]
    has_more: bool,
}

impl Intent {
    /// Finds the intent that names `escrow` among those made since. Stripe lists an intent as soon as it is made; what its search finds
    /// may be a minute old.
    ///
    /// # Errors
    /// Where Stripe does not answer, or has made too many since to look through.
    pub(crate) async fn find(stripe: &Stripe, escrow: &str, since: Millis) -> Result<Option<Self>, StripeError> {
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page: Page = stripe.look(requests::list_payments(since, after.as_deref())).await?;
            let names = |listed: &&Listed| {
                listed.metadata.as_ref().and_then(|all| all.get(ESCROW_ID)).is_some_and(|named| named == escrow)
            };
            if let Some(found) = page.data.iter().find(names) {
                return Self::read(stripe, &found.id).await.map(Some);
            }
            after = page.data.last().map(|listed| listed.id.clone()).filter(|_| page.has_more);
            if after.is_none() {
                return Ok(None);
            }
        }
        let message = format!("more than {} payments were made since", MAX_PAGES * 100);
        Err(StripeError::new(Failure::new(FailureKind::Unavailable, message)))
    }
}

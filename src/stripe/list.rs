//! Lists of Stripe's, looked through page by page, newest first.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use stripe_client_core::RequestBuilder;

use super::client::{Stripe, StripeError};
use super::{ESCROW_ID, Intent, Refund, requests};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};

/// Pages looked through. Chosen: 500 refunds of one payment, or payments since one was begun; what has more needs a person, or time.
const MAX_PAGES: usize = 5;

/// An object of a list.
trait Listed: DeserializeOwned {
    fn id(&self) -> &str;
}

/// One page of a list.
#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    has_more: bool,
}

/// A payment, as far as it tells whose it is.
#[derive(Deserialize)]
struct ListedIntent {
    id: String,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
}

impl Listed for ListedIntent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Listed for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

/// How a look through a list ended.
enum Looked<R> {
    Found(R),
    /// It is not there.
    Missing,
    /// There is more than is looked through.
    TooMany,
}

/// Looks through the list whose pages `request` asks for, each after an object of the one before, for the first that `visit` takes.
async fn look_through<T: Listed, R>(
    stripe: &Stripe,
    request: impl Fn(Option<&str>) -> RequestBuilder,
    mut visit: impl FnMut(T) -> Option<R>,
) -> Result<Looked<R>, StripeError> {
    let mut after: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page: Page<T> = stripe.look(request(after.as_deref())).await?;
        after = page.data.last().filter(|_| page.has_more).map(|last| last.id().to_owned());
        if let Some(found) = page.data.into_iter().find_map(&mut visit) {
            return Ok(Looked::Found(found));
        }
        if after.is_none() {
            return Ok(Looked::Missing);
        }
    }
    Ok(Looked::TooMany)
}

impl Intent {
    /// Finds the intent that names `escrow` among those made since. Stripe lists an intent as soon as it is made; what its search finds
    /// may be a minute old.
    ///
    /// # Errors
    /// Where Stripe does not answer, or has made too many since to look through.
    pub(crate) async fn find(stripe: &Stripe, escrow: &str, since: Millis) -> Result<Option<Self>, StripeError> {
        let named = |listed: ListedIntent| {
            let named = listed.metadata.as_ref()?.get(ESCROW_ID)? == escrow;
            named.then_some(listed.id)
        };
        match look_through(stripe, |after| requests::list_payments(since, after), named).await? {
            Looked::Found(id) => Self::read(stripe, &id).await.map(Some),
            Looked::Missing => Ok(None),
            Looked::TooMany => {
                let message = format!("more than {} payments were made since", MAX_PAGES * 100);
                Err(StripeError::new(Failure::new(FailureKind::Unavailable, message)))
            }
        }
    }
}

impl Refund {
    /// Looks through the refunds of a payment for the first that `visit` takes.
    ///
    /// # Errors
    /// Where Stripe does not answer, or the payment has too many to look through.
    pub(crate) async fn find<R>(
        stripe: &Stripe,
        intent: &str,
        visit: impl FnMut(Self) -> Option<R>,
    ) -> Result<Option<R>, Failure> {
        match look_through(stripe, |after| requests::list_refunds(intent, after), visit).await? {
            Looked::Found(found) => Ok(Some(found)),
            Looked::Missing => Ok(None),
            Looked::TooMany => {
                let message = format!("the payment has more than {} refunds", MAX_PAGES * 100);
                Err(Failure::new(FailureKind::Rejected, message))
            }
        }
    }
}

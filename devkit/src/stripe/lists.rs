//! Pages of a list: newest first, cut by `limit`, from the object after `starting_after` on.

use serde_json::Value;

use super::error::StripeError;
use super::params::Params;
use super::store::Shelf;
use super::view;

/// Objects in a page, when the caller does not say. Stripe's API reference, "Pagination".
const USUAL: usize = 10;

pub(super) struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    pub(super) fn read(params: &Params) -> Result<Self, StripeError> {
        let limit = match params.integer("limit")? {
            None => USUAL,
            Some(limit) => usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
                let message = "Invalid integer: limit must be between 1 and 100";
                StripeError::param("parameter_invalid_integer", "limit", message)
            })?,
        };
        Ok(Self { limit, after: params.text("starting_after")? })
    }

    pub(super) fn of<T>(
        &self,
        from: &Shelf<T>,
        url: &str,
        fits: impl Fn(&T) -> bool,
        view: impl Fn(&T) -> Value,
    ) -> Result<Value, StripeError> {
        let after = self.after.as_deref();
        let rest = from.after(after).ok_or_else(|| {
            StripeError::no_such(http::StatusCode::BAD_REQUEST, "object", after.unwrap_or_default(), "starting_after")
        })?;
        let mut fitting = rest.filter(|item| fits(item));
        let data: Vec<Value> = fitting.by_ref().take(self.limit).map(view).collect();
        let has_more = fitting.next().is_some();
        Ok(view::list(url, &data, has_more))
    }
}

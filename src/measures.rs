//! What a process measured and has not yet put into Redis.
//!
//! A function keeps nothing: what it measures goes along with the next batch of results it settles, as fields and amounts to be added.
//! What a process measures after its last settlement is lost with it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::histogram;

/// Amounts by field. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Measures(Arc<Mutex<BTreeMap<String, u64>>>);

impl Measures {
    /// Adds to a field: letters, digits, `_` and `:`.
    pub fn add(&self, field: impl Into<String>, amount: u64) {
        let mut amounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *amounts.entry(field.into()).or_default() += amount;
    }

    /// Adds a duration to the histogram `of`.
    pub fn add_duration(&self, of: &str, duration: Duration) {
        self.add(format!("{of}:{}", histogram::bucket(duration)), 1);
        self.add(format!("{of}:sum"), u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    }

    /// Takes everything as a text of fields and amounts, and begins anew.
    pub fn take(&self) -> String {
        let amounts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        amounts.into_iter().fold(String::new(), |mut text, (field, amount)| {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{field} {amount}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_taken_once() {
        let measures = Measures::default();
        measures.add("upstash:calls", 2);
        measures.clone().add("upstash:calls", 1);
        measures.add_duration("batch:d", Duration::from_millis(30));
        assert_eq!(measures.take(), "batch:d:3 1 batch:d:sum 30 upstash:calls 3");
        assert_eq!(measures.take(), "");
    }
}

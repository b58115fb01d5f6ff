//! Idempotency keys: the first call under a key runs, the others meet what it left.
//!
//! A key is held while its call runs; a call that ends without keeping an answer frees it, so the
//! next one runs. What counts as the same call is the fingerprint, made by the service.

use std::collections::HashMap;

use crate::shared::Shared;

#[derive(Debug)]
pub(crate) struct Keys<A>(Shared<HashMap<String, Entry<A>>>);

#[derive(Debug)]
struct Entry<A> {
    fingerprint: String,
    answer: Option<A>,
}

/// What a call meets under its key.
pub(crate) enum Claim<A> {
    /// It is the first: it runs, holding the key.
    First(Held<A>),
    /// Another ran before and left this answer.
    Answered(A),
    /// Another, with this other fingerprint, had the key first.
    Misused(String),
    /// The same call is still running.
    Running,
}

/// A key held by the call that runs; dropped without [`keep`](Held::keep), the key is free again.
pub(crate) struct Held<A> {
    keys: Keys<A>,
    key: String,
    kept: bool,
}

impl<A: Clone> Keys<A> {
    pub(crate) fn claim(&self, key: &str, fingerprint: &str) -> Claim<A> {
        let mut entries = self.0.lock();
        match entries.get(key) {
            Some(entry) if entry.fingerprint != fingerprint => Claim::Misused(entry.fingerprint.clone()),
            Some(Entry { answer: Some(answer), .. }) => Claim::Answered(answer.clone()),
            Some(_) => Claim::Running,
            None => {
                entries.insert(key.to_owned(), Entry { fingerprint: fingerprint.to_owned(), answer: None });
                Claim::First(Held { keys: self.clone(), key: key.to_owned(), kept: false })
            }
        }
    }

    /// Forgets every key, as services do after a day.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

impl<A> Held<A> {
    /// Leaves the answer for later calls.
    pub(crate) fn keep(mut self, answer: A) {
        if let Some(entry) = self.keys.0.lock().get_mut(&self.key) {
            entry.answer = Some(answer);
        }
        self.kept = true;
    }
}

impl<A> Drop for Held<A> {
    fn drop(&mut self) {
        if !self.kept {
            self.keys.0.lock().remove(&self.key);
        }
    }
}

impl<A> Clone for Keys<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A> Default for Keys<A> {
    fn default() -> Self {
        Self(Shared::new(HashMap::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_running_until_its_answer_is_kept() {
        let keys = Keys::default();
        let Claim::First(held) = keys.claim("k", "same") else { panic!("the first call runs") };

        assert!(matches!(keys.claim("k", "same"), Claim::Running));
        held.keep(7);

        assert!(matches!(keys.claim("k", "same"), Claim::Answered(7)));
        assert!(matches!(keys.claim("k", "other"), Claim::Misused(first) if first == "same"));
    }

    #[test]
    fn a_call_that_keeps_no_answer_frees_its_key() {
        let keys = Keys::<u8>::default();
        drop(keys.claim("k", "same"));

        assert!(matches!(keys.claim("k", "other"), Claim::First(_)));
    }
}

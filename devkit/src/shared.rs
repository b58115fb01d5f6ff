//! State that many handles see at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One value behind a lock, cheap to clone.
#[derive(Debug, Default)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    /// The value, until the guard is dropped; never held over an `await`.
    ///
    /// A panic elsewhere does not close it: a test that failed must not fail the others' reading.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

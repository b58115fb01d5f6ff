//! Seals the payload for the store and opens it for the worker.

use super::{DocumentError, JobDocument};
use crate::domain::job::JobType;
use crate::domain::sealed::{PayloadKeys, is_sealed};

impl JobDocument {
    /// Opens the payload where it is sealed under one of these keys. What is stored stays sealed.
    #[must_use]
    pub fn opened(mut self, keys: Option<&PayloadKeys>) -> Self {
        // What cannot be opened is shown as it is.
        let _ = self.open(keys);
        self
    }

    /// Does the same for who would act on it.
    ///
    /// # Errors
    /// Where its key does not open it.
    pub fn open(&mut self, keys: Option<&PayloadKeys>) -> Result<(), DocumentError> {
        let Some(keys) = keys else { return Ok(()) };
        let plain = keys.open(&self.id, self.job_type, &self.payload);
        if let Some(plain) = plain.map_err(|error| DocumentError::Tampered(error.to_string()))? {
            self.sealed = Some(std::mem::replace(&mut self.payload, plain));
        }
        Ok(())
    }

    /// Seals the payload for the store, where there are keys. Audit records are written into a log that others verify: they are not sealed.
    #[must_use]
    pub fn sealed(mut self, keys: Option<&PayloadKeys>) -> Self {
        if self.job_type != JobType::AuditLogCreated && !self.is_sealed() {
            self.sealed = keys.map(|keys| keys.seal(&self.id, self.job_type, &self.payload));
        }
        self
    }

    /// Tells whether the payload is sealed under a key that is not known here.
    pub fn is_sealed(&self) -> bool {
        is_sealed(&self.payload)
    }
}

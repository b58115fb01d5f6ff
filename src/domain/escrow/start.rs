//! The beginning of an operation: what a caller asks for, checked against the table and the amounts, written down before anything
//! is done.

use super::moves::begins;
use super::{Command, Escrow, Operation, Pending, Refusal, Role, possible};
use crate::domain::id::JobId;
use crate::domain::job::Resolution;
use crate::domain::millis::Millis;

/// Who asks, when and by which request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The caller's role.
    pub role: Role,
    /// The request, by the name of its record.
    pub request: Option<String>,
    /// A digest of what it asks for.
    pub fingerprint: Option<String>,
    /// When.
    pub now: Millis,
    /// The id of the job that would finish it.
    pub job: JobId,
}

impl Escrow {
    /// Makes the version in which `command` is begun, or, where nothing is to be done at Stripe, done.
    ///
    /// # Errors
    /// When the caller may not, the table has no such move, or the amount does not fit.
    pub fn start(&self, command: &Command, asked: &Asked) -> Result<Self, Refusal> {
        let operation = command.operation();
        if let Some(needed) = operation.role().filter(|needed| asked.role < *needed) {
            return Err(Refusal::Role { operation, needed });
        }
        let Some(to) = begins(self.state, operation) else {
            let possible = possible(self.state, asked.role);
            return Err(Refusal::IllegalMove { operation, state: self.state, possible });
        };
        let amount = self.amount_of(command)?;
        let mut next = self.clone();
        let mut entry = self.entry(operation, to, asked.role.as_str(), asked.now);
        entry.request.clone_from(&asked.request);
        entry.fingerprint.clone_from(&asked.fingerprint);
        entry.amount = amount;
        entry.reason = command.reason().map(str::to_owned);
        if to.is_in_between() {
            next.pending = Some(Pending {
                operation,
                from: self.state,
                amount: amount.unwrap_or(0),
                key: self.key(operation),
                request: asked.request.clone(),
                resolution: match command {
                    Command::Resolve { resolution, .. } => Some(*resolution),
                    _ => None,
                },
                reason: command.reason().map(str::to_owned),
                by: asked.role,
                at: asked.now,
                job: asked.job.clone(),
            });
        }
        next.last_failure = None;
        next.advance(entry);
        Ok(next)
    }

    /// Returns the minor units that are to be captured, or to go back; nothing where the operation moves no money.
    fn amount_of(&self, command: &Command) -> Result<Option<i64>, Refusal> {
        let amounts = self.amounts();
        let held = amounts.remaining();
        match command {
            Command::Cancel { .. } if self.payment.intent_id.is_none() => Err(Refusal::Unfinished),
            Command::Cancel { .. } | Command::Dispute { .. } => Ok(None),
            Command::Release { amount } => self.part("amount", amount.unwrap_or(held), held, held),
            Command::Refund { amount, .. } if self.payment.captured.is_none() => match amount {
                Some(amount) if *amount != held => Err(Refusal::Amount(format!(
                    "amount is {amount}, expected all of the {held} held: before a release only the whole goes back; \
                     a release of a part returns the rest"
                ))),
                _ => Ok(Some(held)),
            },
            Command::Refund { amount, .. } => {
                let released = amounts.released();
                self.part("amount", amount.unwrap_or(released), released, released)
            }
            Command::Resolve { resolution, release_amount, .. } => self.resolved(*resolution, *release_amount, held),
        }
    }

    fn resolved(&self, resolution: Resolution, release_amount: Option<i64>, held: i64) -> Result<Option<i64>, Refusal> {
        let unexpected = |expected: i64| match release_amount {
            Some(amount) if amount != expected => {
                Err(Refusal::Amount(format!("releaseAmount is {amount}, expected {expected} or none")))
            }
            _ => Ok(Some(held)),
        };
        match (resolution, release_amount) {
            (Resolution::Release, _) => unexpected(held),
            (Resolution::Refund, _) => unexpected(0),
            (Resolution::Split, None) => Err(Refusal::Amount("releaseAmount is missing: a split needs one".to_owned())),
            (Resolution::Split, Some(amount)) => self.part("releaseAmount", amount, held - 1, held),
        }
    }

    /// Takes 1 to `most` minor units of the `whole`. The whole may move whatever it is; a part only in Stripe's steps.
    fn part(&self, name: &str, amount: i64, most: i64, whole: i64) -> Result<Option<i64>, Refusal> {
        if !(1..=most).contains(&amount) {
            return Err(Refusal::Amount(format!("{name} is {amount}, expected 1 to {most} minor units")));
        }
        match self.currency.takes(amount) {
            Err(error) if amount != whole => Err(Refusal::Amount(error.to_string())),
            _ => Ok(Some(amount)),
        }
    }
}

impl Pending {
    /// Tells whether it ends with a capture; else the money goes back.
    pub fn captures(&self) -> bool {
        match self.operation {
            Operation::Release => true,
            Operation::Resolve => self.resolution != Some(Resolution::Refund),
            _ => false,
        }
    }
}

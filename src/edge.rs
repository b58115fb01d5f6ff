//! Time and dice: what the rest of the library is given instead of reaching for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::id::{ClaimId, EscrowId, JobId};
use crate::domain::millis::Millis;

/// What time it is. Scripts use Redis' own clock, so that processors with differing clocks agree.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock; scripts ask Redis.
    Real,
    /// The machine's clock where it goes wrong by so much, as a machine's may; scripts ask Redis.
    Wrong {
        /// How far it is ahead, in milliseconds; behind where it is negative.
        by_ms: i64,
    },
    /// The same time everywhere until a test moves it.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// Makes a clock that stands at `now`.
    pub fn fixed(now: Millis) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now.0)))
    }

    /// Returns the time: for ids and documents, never for what decides between processors.
    #[expect(clippy::disallowed_methods, reason = "this is the edge where time comes in")]
    pub fn now(&self) -> Millis {
        match self {
            Self::Real => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Millis(0).plus(since)
            }
            Self::Wrong { by_ms } => Millis(Self::Real.now().0.saturating_add(*by_ms)),
            Self::Fixed(now) => Millis(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock; a real one moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed(now) = self {
            now.store(Millis(now.load(Ordering::SeqCst)).plus(by).0, Ordering::SeqCst);
        }
    }

    /// Returns what scripts take for their `now_ms`: nothing, so that they ask Redis, or the fixed time.
    pub fn script_arg(&self) -> String {
        match self {
            Self::Real | Self::Wrong { .. } => String::new(),
            Self::Fixed(_) => self.now().to_string(),
        }
    }
}

/// Where random bytes come from.
#[derive(Clone, Debug)]
pub enum Dice {
    /// The operating system.
    Real,
    /// A counter, so that a test knows the next id.
    Counting(Arc<AtomicU64>),
}

impl Dice {
    /// Makes dice that count.
    pub fn counting() -> Self {
        Self::Counting(Arc::default())
    }

    /// Returns bytes nobody can guess; with a counter, its digits at the end.
    ///
    /// # Panics
    /// When the system has no random bytes: without them nothing safe can be done. The platforms' kernels always have some.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::Real => getrandom::fill(&mut bytes).unwrap_or_else(|error| panic!("no random bytes: {error}")),
            Self::Counting(count) => {
                let mut left = count.fetch_add(1, Ordering::SeqCst) + 1;
                for byte in bytes.iter_mut().rev() {
                    *byte = u8::try_from(left % 10).unwrap_or(0);
                    left /= 10;
                }
            }
        }
        bytes
    }

    /// Makes the id of a job created `now`.
    pub fn job_id(&self, now: Millis) -> JobId {
        JobId::new(now, self.bytes())
    }

    /// Makes the id of an escrow.
    pub fn escrow_id(&self) -> EscrowId {
        EscrowId::new(self.bytes())
    }

    /// Makes the id of a claim.
    pub fn claim_id(&self) -> ClaimId {
        ClaimId::new(self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(Millis(1_000));
        assert_eq!(clock.script_arg(), "1000");
        clock.clone().advance(Duration::from_secs(1));
        assert_eq!(clock.now(), Millis(2_000));
        assert_eq!(Clock::Real.script_arg(), "");
    }

    #[test]
    fn a_machines_wrong_clock_is_not_what_scripts_go_by() {
        let (slow, real) = (Clock::Wrong { by_ms: -60_000 }, Clock::Real.now());
        assert!(real.since(slow.now()) >= Duration::from_secs(59));
        assert_eq!(slow.script_arg(), "");
    }

    #[test]
    fn counting_dice_give_ids_a_test_can_expect() {
        let dice = Dice::counting();
        assert_eq!(dice.job_id(Millis(5)).as_str(), "job-5-000000001");
        assert_eq!(dice.job_id(Millis(5)).as_str(), "job-5-000000002");
        assert_ne!(Dice::Real.claim_id(), Dice::Real.claim_id());
    }
}

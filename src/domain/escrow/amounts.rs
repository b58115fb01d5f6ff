//! Whose the money is: held = released + refunded + remaining, always.

use serde::Serialize;

/// Whose the money of an escrow is, in minor units of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amounts {
    held: i64,
    released: i64,
    refunded: i64,
    remaining: i64,
}

/// Amounts that do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("released {released} and refunded {refunded} do not fit into held {held}")]
pub struct AmountsError {
    /// What was paid in.
    pub held: i64,
    /// What the seller has.
    pub released: i64,
    /// What went back.
    pub refunded: i64,
}

impl Amounts {
    /// Splits what was paid in; what is neither released nor refunded remains.
    pub fn new(held: i64, released: i64, refunded: i64) -> Result<Self, AmountsError> {
        let error = AmountsError { held, released, refunded };
        if held < 0 || released < 0 || refunded < 0 {
            return Err(error);
        }
        let gone = released.checked_add(refunded).filter(|gone| *gone <= held).ok_or(error)?;
        Ok(Self { held, released, refunded, remaining: held - gone })
    }

    /// Returns what was paid in.
    pub fn held(&self) -> i64 {
        self.held
    }

    /// Returns what the seller has.
    pub fn released(&self) -> i64 {
        self.released
    }

    /// Returns what went back to the buyer.
    pub fn refunded(&self) -> i64 {
        self.refunded
    }

    /// Returns what is still held.
    pub fn remaining(&self) -> i64 {
        self.remaining
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_or_there_are_none() {
        let amounts = Amounts::new(1_000, 600, 300).unwrap();
        assert_eq!(amounts.remaining(), 100);
        for (held, released, refunded) in [(1_000, 700, 301), (-1, 0, 0), (5, -1, 0), (5, 0, -1), (5, i64::MAX, 1)] {
            assert!(Amounts::new(held, released, refunded).is_err(), "{held} {released} {refunded}");
        }
    }
}

//! Whose the money is: held = released + refunded + remaining, always.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};

use crate::domain::money::MAX_MINOR_UNITS;

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

/// Reads an amount of a stored document: 0 to 2^53 - 1 minor units, as [`Money`](crate::domain::money::Money) takes.
pub(super) fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let amount = i64::deserialize(deserializer)?;
    if (0..=MAX_MINOR_UNITS).contains(&amount) {
        return Ok(amount);
    }
    Err(D::Error::invalid_value(Unexpected::Signed(amount), &"0 to 2^53 - 1 minor units"))
}

/// The same where there may be none.
pub(super) fn stored_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Stored(#[serde(deserialize_with = "stored")] i64);
    Ok(Option::<Stored>::deserialize(deserializer)?.map(|Stored(amount)| amount))
}

/// Returns the amount that a document can hold and that is nearest to what another side told.
pub(super) fn storable(amount: i64) -> i64 {
    amount.clamp(0, MAX_MINOR_UNITS)
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

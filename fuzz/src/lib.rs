//! What the targets stand on: the routes in this process, before a Redis and a Stripe that say whatever a target has them say.
//!
//! A panic anywhere ends the process, also one that a route would answer with 500: the fuzzer's hook sees it first.

pub mod answer;
pub mod deployment;
pub mod escrow;
pub mod redis;
pub mod signed;
pub mod stand_in;

/// The line between the parts of an input that has several.
const BETWEEN: &str = "\n====\n";

/// Takes an input apart at the lines between; parts that are not there are empty.
#[must_use]
pub fn parts<const N: usize>(input: &str) -> [&str; N] {
    let mut parts = input.splitn(N, BETWEEN);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// Returns the number that the first character stands for, and the rest: how an input chooses one of several.
#[must_use]
pub fn choice(input: &str) -> (usize, &str) {
    let mut rest = input.chars();
    let first = rest.next().map_or(0, |c| c.to_digit(36).unwrap_or(0) as usize);
    (first, rest.as_str())
}

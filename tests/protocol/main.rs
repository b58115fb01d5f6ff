//! The two protocols on which every promise rests, as small models, and every order in which their steps can happen.
//!
//! `tests/it` runs the code on chosen and random schedules. Here a model checker walks through all of them, within bounds: two jobs or two
//! requests, two processes, and so many crashes, lost replies and lapsed leases as the bounds allow. What is promised is checked in every state that
//! can be reached. For each promise there is a change that breaks the protocol, and the checker must find that it does: a model in which nothing
//! can go wrong would prove nothing. docs/correctness.md says in words what is promised.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod escrow;
mod queue;

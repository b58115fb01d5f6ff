//! The command line as its user meets it: the real binary, before a real Redis behind the REST server.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod bad_input;
mod bench;
mod changes;
mod dead_letters;
mod doctor;
mod documented;
mod forget;
mod keys;
mod looks;
mod many;
mod partners;
mod processing;
mod working;

//! Holdfast: an escrow payments API whose side effects never get lost.

pub mod domain;

//! Pure rules: what values exist and which of them are legal. No I/O, no async, no clock, no dice.

pub mod alert;
pub mod audit_event;
pub mod backoff;
pub mod control;
pub mod email_address;
pub mod endpoint;
pub mod escrow;
pub mod hex;
pub mod histogram;
pub mod id;
pub mod job;
pub mod limits;
pub mod mail_event;
pub mod millis;
pub mod money;
pub mod outcome;
pub(crate) mod pairs;
pub mod recovery;
pub mod sealed;
pub mod signing_secret;
pub mod thousands;
pub mod webhook_signature;

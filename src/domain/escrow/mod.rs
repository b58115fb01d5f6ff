//! An escrow: one payment held for a partner, and the rules by which it moves.
//!
//! What is known of the payment at Stripe is kept as facts; amounts follow from the facts, and so does the state once nothing is
//! under way. A request, a fallback job and an event of Stripe's all add what they saw, so they end at the same place in any order.

mod amounts;
mod command;
mod document;
mod effects;
mod facts;
mod history;
mod moves;
mod observe;
mod seen;
mod start;
mod state;

pub use amounts::{Amounts, AmountsError};
pub use command::{Command, Refusal};
pub use document::{Escrow, Failure, JobRef, NewEscrow, Pending, Timer};
pub use effects::{Effect, effects, expiry_check, expiry_warning, fallback, timer_times};
pub use facts::{Chargeback, ChargebackStatus, ClientSecret, Payment, Refund, RefundStatus};
pub use history::Entry;
pub use moves::{By, MOVES, Moves, Operation, Role, is_legal, possible};
pub use seen::{DisputeSeen, PaymentSeen, PaymentStatus, RefundSeen, Seen};
pub use start::Asked;
pub use state::State;

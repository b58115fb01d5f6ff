//! The integration tests: one binary, a module an area, a real Redis behind a gateway that misbehaves on request.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod bench;
mod escrow_bench;
mod escrow_callers;
mod escrow_crashes;
mod escrow_events;
mod escrow_model;
mod escrow_moves;
mod escrow_routes;
mod faults;
mod queue_cancel;
mod queue_claim;
mod queue_enqueue;
mod queue_settle;
mod queue_status;

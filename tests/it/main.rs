//! The integration tests: one binary, a module an area, a real Redis behind a gateway that misbehaves on request.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod bench;
mod budget;
mod dead_letter_change;
mod dead_letter_list;
mod escrow_bench;
mod escrow_callers;
mod escrow_crashes;
mod escrow_events;
mod escrow_model;
mod escrow_moves;
mod escrow_races;
mod escrow_routes;
mod faults;
mod http_dead_letter;
mod http_jobs;
mod http_process;
mod layout;
mod model;
mod platforms;
mod processor;
mod processor_race;
mod queue_cancel;
mod queue_claim;
mod queue_enqueue;
mod queue_settle;
mod queue_status;
mod readme;
mod scripts;
mod site;
mod workers_audit;
mod workers_bench;
mod workers_email;
mod workers_stripe;
mod workers_webhook;

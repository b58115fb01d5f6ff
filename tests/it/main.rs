//! The integration tests: one binary, a module an area, a real Redis behind a gateway that misbehaves on request.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod alerts;
mod bench;
mod budget;
mod control;
mod dead_letter_change;
mod dead_letter_list;
mod dead_letter_recovery;
mod faults;
mod http_control;
mod http_dead_letter;
mod http_jobs;
mod http_process;
mod layout;
mod metrics;
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

//! The routes of the queue.

mod alerts;
mod control;
mod control_action;
mod cursor;
pub(super) mod dead_letter;
pub(super) mod dead_letter_action;
mod enqueue;
mod job;
mod job_delivery;
mod process;
mod suppressed;

pub use alerts::look as look_at_alerts;
pub use control::CONTROL;
pub use dead_letter::DEAD_LETTER;
pub use enqueue::ENQUEUE;
pub use job::JOB;
pub use process::PROCESS;

//! The routes of the queue.

mod enqueue;
mod job;
mod process;

pub use enqueue::ENQUEUE;
pub use job::JOB;
pub use process::PROCESS;

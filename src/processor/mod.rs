//! The processor: works off what is due inside a time box.
//!
//! `process_batch` claims, runs handlers a few at once, settles many at once, and goes on until nothing is due or too little of the
//! box is left. What it holds then and has not started is released without cost; what still runs is cancelled and retried.
//! Several may run at once, and each may be told to stop. It knows when a job is tried again and nothing of what it does.

mod batch;
mod report;
mod round;
mod stop;
mod time_box;
mod verdict;

pub use batch::{BatchRequest, Handler, Processor};
pub use report::{BatchReport, TypeReport};
pub use stop::{Stop, Stopper};
pub use time_box::TimeBox;

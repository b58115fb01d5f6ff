//! HTTP: bytes in, bytes out, the same on every platform.
//!
//! A route is a value: its name, its path, its handlers by method. It answers every request and never fails. What a caller is told
//! is a stable code and a sentence, never a cause, a key or a script.

pub mod dashboard;
pub mod escrow;
mod extract;
mod find;
pub mod health;
pub mod jobs;
pub mod metrics;
pub mod partners;
mod problem;
mod query;
mod record;
mod reply;
mod request;
mod route;
pub mod webhooks;

pub use find::{NOWHERE, find};
pub use problem::ApiError;
pub use request::{Request, Sender};
pub use route::{Route, RouteHandler};

/// An answer: whole, in memory.
pub type Response = http::Response<bytes::Bytes>;

/// On an answer: something was caused that the processor should see to soon. The platform calls [`App::wake`](crate::app::App::wake).
#[derive(Clone, Copy, Debug)]
pub struct Wake;

/// Every route, for the local server and the tests. A function's binary names its own route alone, so that the others
/// are not linked in.
pub static ROUTES: [&Route; 18] = [
    &jobs::PROCESS,
    &jobs::ENQUEUE,
    &jobs::DEAD_LETTER,
    &jobs::CONTROL,
    &jobs::JOB,
    &escrow::CREATE,
    &escrow::RELEASE,
    &escrow::REFUND,
    &escrow::DISPUTE,
    &escrow::RESOLVE,
    &escrow::CANCEL,
    &escrow::ESCROW,
    &partners::PARTNER,
    &webhooks::STRIPE,
    &webhooks::EMAIL,
    &metrics::METRICS,
    &dashboard::DASHBOARD,
    &health::HEALTH,
];

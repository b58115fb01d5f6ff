//! The routes of escrows.

mod create;
pub(in crate::http) mod enter;
mod operate;
mod routes;
mod show;
mod view;

pub use create::CREATE;
pub use routes::{CANCEL, DISPUTE, REFUND, RELEASE, RESOLVE};
pub use show::ESCROW;

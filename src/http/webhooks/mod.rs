//! What other services tell us.

mod stripe;

pub use stripe::STRIPE;

//! What other services tell us.

mod email;
mod stripe;

pub use email::EMAIL;
pub use stripe::STRIPE;

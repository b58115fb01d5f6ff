//! The addresses that are not written to, and letting one be written to again.

use askama::Template;

use super::page::{self, Shell};
use super::problem::Problem;
use super::text::When;
use crate::app::App;
use crate::http::Response;

/// Addresses on the page. Chosen: those that end first are looked at; the command line lists all.
const SHOWN: u32 = 200;

#[derive(Template)]
#[template(path = "dashboard/suppressed.html")]
struct Page {
    shell: Shell,
    addresses: Vec<One>,
    more: bool,
}

struct One {
    hash: String,
    reason: &'static str,
    until: Option<When>,
}

/// Writes the page. One call to Redis.
pub(super) async fn show(app: &App, shell: Shell) -> Result<Response, Problem> {
    let now = app.clock().now();
    let page = app.deliveries()?.suppressed(None, SHOWN, now).await?;
    let more = page.next.is_some();
    let addresses = page.addresses.iter().map(|one| One {
        hash: one.address.to_string(),
        reason: one.reason(),
        until: one.until.map(|until| When::new(until, now)),
    });
    Ok(page::render(&Page { shell, addresses: addresses.collect(), more })?)
}

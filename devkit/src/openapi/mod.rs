//! The API's description: one `OpenAPI` 3.1 document of every route but the dashboard, whose pages are for people, committed as `docs/openapi.json` and served by `cargo dev`.
//!
//! It stands beside the routes and not in them, so that no function is built with it. What keeps the two together: a test compares its
//! paths and methods with the table of routes, another looks up every field of real answers in it, and `checks/openapi` sends what it
//! allows and what it forbids to the running stack.

mod control;
mod dead_letters;
mod escrow;
mod escrow_view;
mod jobs;
mod open;
mod pages;
mod partners;
mod problem;
mod words;

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

pub(crate) use pages::router;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "An escrow payments API whose side effects never get lost.\n\nAmounts are whole minor units (cents; yen as they are), \
            times are milliseconds since 1970. What goes wrong is answered as `application/problem+json` with a `code` that stays. \
            Every answer has `X-Request-Id`; a caller may send its own.",
    ),
    paths(
        escrow::create,
        escrow::release,
        escrow::refund,
        escrow::dispute,
        escrow::resolve,
        escrow::cancel,
        escrow::show,
        jobs::enqueue,
        jobs::status,
        jobs::take_back,
        jobs::process,
        jobs::statistics,
        dead_letters::list,
        dead_letters::change,
        control::show,
        control::change,
        partners::show,
        partners::change,
        open::metrics,
        open::health,
        open::stripe,
        open::email,
    ),
    tags(
        (name = "escrow", description = "Payments held for a partner. An API key says whose; some operations need the role admin."),
        (name = "jobs", description = "The queue of side effects."),
        (name = "operation", description = "What the person on call needs."),
        (name = "events", description = "What other services tell us."),
    ),
    modifiers(&Schemes),
)]
struct Description;

/// How callers show who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let bearer = |description| {
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build(),
            )
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "apiKey",
            bearer("An API key: `hf_...`; in `cargo dev` also `dev-partner-key` and `dev-admin-key`."),
        );
        components.add_security_scheme(
            "processor",
            bearer("`JOB_PROCESSOR_SECRET_TOKEN`; in `cargo dev` `dev-processor-token`."),
        );
        components.add_security_scheme("cron", bearer("`CRON_SECRET`, as Vercel Cron sends it."));
    }
}

/// Makes the document.
pub fn document() -> Document {
    let mut document = Description::openapi();
    document.info.contact = None;
    document
}

/// Writes the document as it is committed: JSON, two spaces, a newline at the end.
pub fn text() -> String {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

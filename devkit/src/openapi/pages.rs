//! The document over HTTP, and a page to try it.

use axum::Router;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Makes the router of `/dev/api`, a page to try every route, and `/dev/openapi.json`.
pub(crate) fn router() -> Router {
    let config = Config::default().try_it_out_enabled(true).persist_authorization(true);
    SwaggerUi::new("/dev/api").url("/dev/openapi.json", super::document()).config(config).into()
}

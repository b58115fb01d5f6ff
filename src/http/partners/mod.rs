//! `/api/partners/{id}`: a partner's webhook endpoints, for operators with an API key of the role admin.

mod action;

use http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;
use crate::domain::escrow::Role;
use crate::domain::id::{EndpointId, PartnerId};
use crate::http::escrow::enter;
use crate::http::query::Query;
use crate::http::{ApiError, Request, Response, Route, reply};
use crate::partners::{ManageError, Partner, PartnerView};

/// `GET` and `POST /api/partners/{id}`
pub static PARTNER: Route = Route::new(
    "partners-id",
    "/api/partners/{id}",
    &[
        (Method::GET, |app, request| Box::pin(show(app, request))),
        (Method::POST, |app, request| Box::pin(act(app, request))),
    ],
);

async fn show(app: App, request: Request) -> Result<Response, ApiError> {
    let admitted = enter::enter(&app, &request, None).await?;
    enter::with_window(admitted.window, admitted_show(&app, &request, admitted.role).await)
}

async fn act(app: App, request: Request) -> Result<Response, ApiError> {
    let admitted = enter::enter(&app, &request, None).await?;
    let acted = async {
        let id = partner_of(&request, admitted.role)?;
        action::act(&app, &request, &id, &admitted).await
    };
    enter::with_window(admitted.window, acted.await)
}

async fn admitted_show(app: &App, request: &Request, role: Role) -> Result<Response, ApiError> {
    let id = partner_of(request, role)?;
    let mut query = Query::of(request)?;
    let endpoint: Option<String> = query.optional("endpoint", "an endpoint's id")?;
    query.finish("endpoint")?;
    let partner = app.partners()?.read(&id).await?;
    let Some(endpoint) = endpoint else {
        return Ok(reply::json(StatusCode::OK, &PartnerView::new(&id, &partner, app.clock().now())));
    };
    let endpoint = known(&partner, &endpoint)?.id.clone();
    let attempts = app.partners()?.attempts(Some(&endpoint)).await?;
    Ok(reply::json(StatusCode::OK, &json!({"endpoint": endpoint, "attempts": attempts})))
}

/// Reads whose endpoints are meant, if the caller may.
fn partner_of(request: &Request, role: Role) -> Result<PartnerId, ApiError> {
    if role != Role::Admin {
        let detail = "a partner's endpoints need the role admin";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "role_required", detail).with("role", Role::Admin));
    }
    let text = request.parameter(PARTNER.path).unwrap_or_default();
    PartnerId::parse(text).map_err(|error| ApiError::invalid("invalid_id", error.to_string()))
}

/// Returns the endpoint of that id.
fn known<'a>(partner: &'a Partner, id: &str) -> Result<&'a crate::partners::KnownEndpoint, ApiError> {
    EndpointId::parse(id).map_err(|error| ApiError::invalid("invalid_id", error.to_string()))?;
    partner.endpoints.get(id).ok_or_else(|| ManageError::UnknownEndpoint.into())
}

//! `/api/jobs/{id}`: what is known of one job, and taking it back.

use http::{Method, StatusCode};

use super::job_delivery::{Mails, Webhooks};
use crate::app::App;
use crate::auth;
use crate::domain::id::JobId;
use crate::domain::job::Payload;
use crate::http::{ApiError, Request, Response, Route, reply};
use crate::queue::{Cancelled, Queue};

/// `GET` and `DELETE /api/jobs/{id}`
pub static JOB: Route = Route::new(
    "jobs-id",
    "/api/jobs/{id}",
    &[
        (Method::GET, |app, request| Box::pin(status(app, request))),
        (Method::DELETE, |app, request| Box::pin(cancel(app, request))),
    ],
);

async fn status(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    show(&app, &app.queue()?, &id(&request)?).await
}

async fn cancel(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let (queue, id) = (app.queue()?, id(&request)?);
    match queue.cancel(&id).await? {
        Cancelled::Done => show(&app, &queue, &id).await,
        Cancelled::UnknownJob => Err(unknown_job()),
        Cancelled::Processing => Err(ApiError::conflict(
            "job_processing",
            "a processor is working on the job; it may be asked again afterwards",
        )),
        Cancelled::Over(status) => {
            let detail = format!("the job's life is over: its status is {}", status.as_str());
            Err(ApiError::conflict("job_over", detail))
        }
    }
}

async fn show(app: &App, queue: &Queue, id: &JobId) -> Result<Response, ApiError> {
    let document = queue.status(id).await?.ok_or_else(unknown_job)?.document;
    let Ok(payload) = document.read_payload() else {
        return Ok(reply::json_bytes(StatusCode::OK, document.shown().to_json()));
    };
    if let Payload::WebhookEscrowStatusChanged(change) = &payload {
        let (children, attempts) = app.partners()?.of_job(id, change.endpoint.as_ref()).await?;
        let deliveries = Webhooks { children, attempts };
        return Ok(reply::json_bytes(StatusCode::OK, document.to_json_with("deliveries", &deliveries)));
    }
    if payload.recipients().is_empty() {
        return Ok(reply::json_bytes(StatusCode::OK, document.shown().to_json()));
    }
    let known = app.deliveries()?.of_job(id).await?;
    let deliveries = Mails { recipients: payload.recipients(), known };
    Ok(reply::json_bytes(StatusCode::OK, document.to_json_with("deliveries", &deliveries)))
}

fn id(request: &Request) -> Result<JobId, ApiError> {
    let text = request.parameter(JOB.path).unwrap_or_default();
    JobId::parse(text).map_err(|error| ApiError::invalid("invalid_id", error.to_string()))
}

fn unknown_job() -> ApiError {
    let detail = "there is no such job; completed ones are kept for 24 hours, dead letters for 7 days";
    ApiError::not_found("unknown_job", detail)
}

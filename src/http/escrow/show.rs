//! `GET /api/escrow/{id}`: an escrow with its history and what became of its jobs.

use http::{Method, StatusCode};
use serde::Serialize;

use super::enter;
use super::operate::unknown_escrow;
use super::view::EscrowView;
use crate::admission::Admitted;
use crate::app::App;
use crate::domain::id::{EscrowId, JobId};
use crate::domain::job::{JobStatus, JobType};
use crate::http::{ApiError, Request, Response, Route, reply};

/// Jobs whose status is shown, the newest. Chosen: a release has five; one call reads them all.
const MAX_JOBS: usize = 40;

/// `GET /api/escrow/{id}`
pub static ESCROW: Route =
    Route::new("escrow-id", "/api/escrow/{id}", &[(Method::GET, |app, request| Box::pin(show(app, request)))]);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(flatten)]
    escrow: EscrowView<'a>,
    job_statuses: Vec<JobShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobShown {
    id: JobId,
    #[serde(rename = "type")]
    job_type: JobType,
    /// Nothing once its time of keeping is over.
    status: Option<JobStatus>,
}

async fn show(app: App, request: Request) -> Result<Response, ApiError> {
    let id = EscrowId::parse(request.parameter(ESCROW.path).unwrap_or_default());
    let admitted = enter::enter(&app, &request, id.as_ref().ok()).await?;
    let window = admitted.window;
    enter::with_window(window, admitted_show(&app, &admitted).await)
}

async fn admitted_show(app: &App, admitted: &Admitted) -> Result<Response, ApiError> {
    let escrow = admitted.escrow.as_ref().ok_or_else(unknown_escrow)?;
    let newest = &escrow.jobs[escrow.jobs.len().saturating_sub(MAX_JOBS)..];
    let ids: Vec<JobId> = newest.iter().map(|job| job.id.clone()).collect();
    let statuses = app.queue()?.statuses(&ids).await?;
    let shown = |(job, view): (&crate::domain::escrow::JobRef, Option<crate::queue::JobView>)| JobShown {
        id: job.id.clone(),
        job_type: job.job_type,
        status: view.map(|view| view.document.status),
    };
    let job_statuses = newest.iter().zip(statuses).map(shown).collect();
    let body = Shown { escrow: EscrowView::new(escrow, admitted.role), job_statuses };
    Ok(reply::json(StatusCode::OK, &body))
}

//! Deliveries of webhooks, as pages show them: on a job's page, and on a partner's with its endpoints.

use askama::Template;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::page::{self, Shell};
use super::problem::Problem;
use super::text::{self, Addresses, When};
use crate::app::App;
use crate::domain::id::{EndpointId, JobId, PartnerId};
use crate::domain::job::{JobDocument, JobType};
use crate::domain::millis::Millis;
use crate::http::Response;
use crate::partners::{Attempt, KnownEndpoint, ManageError, Standing};

/// What became of a webhook's job.
#[derive(Default)]
pub(super) struct Webhooks {
    /// Whose it is.
    pub(super) partner: Option<PartnerId>,
    /// The jobs it was split into: each with its endpoint.
    pub(super) children: Vec<(String, String)>,
    /// What its own endpoint answered, the newest first.
    pub(super) answers: Vec<Answered>,
}

/// Whom a webhook is for. The whole payload's types would be most of what this function has no other use for.
#[derive(Default, Deserialize)]
struct About {
    #[serde(default)]
    partner: Option<PartnerId>,
    #[serde(default)]
    endpoint: Option<EndpointId>,
}

/// One delivery.
pub(super) struct Answered {
    pub(super) job: JobId,
    pub(super) when: When,
    pub(super) status: String,
    pub(super) tone: &'static str,
    pub(super) took: String,
    pub(super) what: String,
}

struct Endpoint {
    id: EndpointId,
    url: String,
    events: String,
    state: String,
    tone: &'static str,
}

#[derive(Template)]
#[template(path = "dashboard/partner.html")]
struct Page {
    shell: Shell,
    id: PartnerId,
    email: Option<String>,
    endpoints: Vec<Endpoint>,
    /// The endpoint whose deliveries are shown.
    chosen: Option<EndpointId>,
    answers: Vec<Answered>,
}

impl Webhooks {
    /// Reads what became of a job; nothing where it is no webhook's. One call to Redis.
    pub(super) async fn of(app: &App, document: &JobDocument, now: Millis) -> Result<Self, Problem> {
        if document.job_type != JobType::WebhookEscrowStatusChanged {
            return Ok(Self::default());
        }
        // One that cannot be read was delivered to nobody.
        let About { partner, endpoint } = serde_json::from_str(document.payload.get()).unwrap_or_default();
        let (children, attempts) = app.partners()?.of_job(&document.id, endpoint.as_ref()).await?;
        Ok(Self { partner, children, answers: answers(&attempts, now) })
    }
}

/// Writes a partner's page, with the deliveries to one of its endpoints where one is chosen. One call to Redis, or two.
pub(super) async fn show(
    app: &App,
    shell: Shell,
    id: &PartnerId,
    chosen: Option<EndpointId>,
) -> Result<Response, Problem> {
    let now = app.clock().now();
    let partner = app.partners()?.read(id).await?;
    let attempts = match &chosen {
        Some(endpoint) if !partner.endpoints.contains_key(endpoint.as_str()) => {
            return Err(Problem::from(crate::http::ApiError::from(ManageError::UnknownEndpoint)));
        }
        Some(endpoint) => app.partners()?.attempts(Some(endpoint)).await?,
        None => Vec::new(),
    };
    let page = Page {
        shell,
        id: id.clone(),
        email: partner.email.as_ref().map(ToString::to_string),
        endpoints: partner.endpoints.into_values().map(|known| Endpoint::new(known, now)).collect(),
        chosen,
        answers: answers(&attempts, now),
    };
    Ok(page::render(&page)?)
}

fn answers(attempts: &[Box<RawValue>], now: Millis) -> Vec<Answered> {
    attempts
        .iter()
        .filter_map(|text| serde_json::from_str(text.get()).ok())
        .map(|one| Answered::new(one, now))
        .collect()
}

impl Answered {
    fn new(attempt: Attempt, now: Millis) -> Self {
        let is_good = attempt.error.is_none();
        let what = attempt.error.unwrap_or(attempt.answer);
        Self {
            job: attempt.job_id,
            when: When::new(attempt.at, now),
            status: attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            tone: if is_good { "good" } else { "bad" },
            took: format!("{} ms", text::count(attempt.ms)),
            what: text::shown(&what, Addresses::Masked),
        }
    }
}

impl Endpoint {
    fn new(known: KnownEndpoint, now: Millis) -> Self {
        let standing = known.standing();
        let tone = match standing {
            Standing::Told => "good",
            Standing::Failing(_) => "waiting",
            Standing::Off => "quiet",
            Standing::Disabled { .. } => "bad",
        };
        let state = standing.words(|at| When::new(at, now).ago);
        let KnownEndpoint { id, endpoint, .. } = known;
        let events = if endpoint.events.is_empty() { "all events".to_owned() } else { endpoint.events.join(", ") };
        Self { id, url: endpoint.url, events, state, tone }
    }
}

//! What is done with a partner's endpoints: make, change, replace a secret, remove, test, send again.

use http::StatusCode;
use serde_json::json;

use crate::admission::{Admitted, ParseRequestKeyError};
use crate::app::App;
use crate::domain::email_address::EmailAddress;
use crate::domain::endpoint::{EVENTS, EndpointSecret, checked_events};
use crate::domain::id::{DedupeKey, EndpointId, JobId, PartnerId};
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, Wake, record, reply};
use crate::outbound::guard::Guard;
use crate::partners::{EndpointUpdate, EndpointView, ManageError, Manager, NewEndpoint, PartnerView, Sent};
use crate::queue::Caller;

const ACTIONS: &str = "create-endpoint, update-endpoint, rotate-secret, delete-endpoint, set-email, test, resend";
const URL: &str = "an https address";
const ENDPOINT: &str = "an endpoint's id";
const SECRET: &str = "whsec_ and base64 of 24 to 64 bytes";

/// What a caller is told whose webhook may be on its way, and who named no key.
const TWICE: &str = "the store gave no answer; the webhook may have been enqueued, and repeating the request may send it twice: send the \
    request with an Idempotency-Key, and it is safe to repeat";

/// One request.
struct Call<'a> {
    app: &'a App,
    request: &'a Request,
    admitted: &'a Admitted,
    id: &'a PartnerId,
    manager: Manager,
    body: Fields,
}

/// `POST /api/partners/{id}`, asked for by who was `admitted`.
pub(super) async fn act(
    app: &App,
    request: &Request,
    id: &PartnerId,
    admitted: &Admitted,
) -> Result<Response, ApiError> {
    let mut body = Fields::of_body(&request.body)?;
    let action: String = body.required("action", ACTIONS)?;
    let recorder = record::recorder(app, request, Caller::admin(&admitted.partner));
    let guard = Guard::new(&app.config().webhook_allow_private);
    let manager = app.partners()?.manage(id, guard, recorder).await?;
    let call = Call { app, request, admitted, id, manager, body };
    match action.as_str() {
        "create-endpoint" => call.create().await,
        "update-endpoint" => call.update().await,
        "rotate-secret" => call.rotate().await,
        "delete-endpoint" => call.delete().await,
        "set-email" => call.set_email().await,
        "test" => call.test().await,
        "resend" => call.resend().await,
        other => {
            let other: String = other.chars().take(64).collect();
            Err(call.body.invalid("unknown_action", format!("action {other:?} is not one of {ACTIONS}")))
        }
    }
}

impl Call<'_> {
    async fn create(mut self) -> Result<Response, ApiError> {
        let url: String = self.body.required("url", URL)?;
        let events = self.events()?.unwrap_or_default();
        let secret = self.secret()?;
        self.body.finish("action, url, events or secret")?;
        let known = self.manager.create(NewEndpoint { url, events, secret }).await?;
        let view = EndpointView::new(&known, self.app.clock().now()).with_secret(&known);
        Ok(reply::json(StatusCode::CREATED, &view))
    }

    async fn update(mut self) -> Result<Response, ApiError> {
        let endpoint = self.endpoint()?;
        let url: Option<String> = self.body.optional("url", URL)?;
        let events = self.events()?;
        let enabled: Option<bool> = self.body.optional("enabled", "true or false")?;
        self.body.finish("action, endpoint, url, events or enabled")?;
        let known = self.manager.update(&endpoint, EndpointUpdate { url, events, enabled }).await?;
        Ok(reply::json(StatusCode::OK, &EndpointView::new(&known, self.app.clock().now())))
    }

    async fn rotate(mut self) -> Result<Response, ApiError> {
        let endpoint = self.endpoint()?;
        let secret = self.secret()?;
        self.body.finish("action, endpoint or secret")?;
        let known = self.manager.rotate(&endpoint, secret).await?;
        let view = EndpointView::new(&known, self.app.clock().now()).with_secret(&known);
        Ok(reply::json(StatusCode::OK, &view))
    }

    async fn delete(mut self) -> Result<Response, ApiError> {
        let endpoint = self.endpoint()?;
        self.body.finish("action or endpoint")?;
        self.manager.remove(&endpoint).await?;
        Ok(reply::json(StatusCode::OK, &json!({"deleted": endpoint})))
    }

    async fn set_email(mut self) -> Result<Response, ApiError> {
        let email: Option<EmailAddress> = self.body.nullable("email", "an e-mail address, or null for none")?;
        self.body.finish("action or email")?;
        self.manager.set_email(email).await?;
        let view = PartnerView::new(self.id, self.manager.partner(), self.app.clock().now());
        Ok(reply::json(StatusCode::OK, &view))
    }

    async fn test(mut self) -> Result<Response, ApiError> {
        let endpoint = self.endpoint()?;
        let key = self.dedupe_key()?;
        self.body.finish("action or endpoint")?;
        sent(key.is_some(), self.manager.test(&endpoint, key).await)
    }

    async fn resend(mut self) -> Result<Response, ApiError> {
        let endpoint = self.endpoint()?;
        let job: String = self.body.required("jobId", "the id of a webhook's job")?;
        let job = JobId::parse(job).map_err(|error| self.body.invalid("invalid_id", error.to_string()))?;
        let key = self.dedupe_key()?;
        self.body.finish("action, endpoint or jobId")?;
        sent(key.is_some(), self.manager.resend(&endpoint, &job, key).await)
    }

    /// Returns what the same request from the same caller under the same `Idempotency-Key` has in common, and nothing else has.
    fn dedupe_key(&self) -> Result<Option<DedupeKey>, ApiError> {
        if !self.request.headers.contains_key("idempotency-key") {
            return Ok(None);
        }
        let record = self.admitted.record.as_ref();
        let key = record.and_then(|record| DedupeKey::parse(format!("{}-{}", record.name, record.fingerprint)).ok());
        key.ok_or_else(|| ParseRequestKeyError.into()).map(Some)
    }

    fn endpoint(&mut self) -> Result<EndpointId, ApiError> {
        let id: String = self.body.required("endpoint", ENDPOINT)?;
        EndpointId::parse(id).map_err(|error| self.body.invalid("invalid_id", error.to_string()))
    }

    fn secret(&mut self) -> Result<Option<EndpointSecret>, ApiError> {
        let given: Option<String> = self.body.optional("secret", SECRET)?;
        let secret = given.map(EndpointSecret::parse).transpose();
        secret.map_err(|_| self.body.invalid("invalid_field", format!("secret is not {SECRET}")))
    }

    fn events(&mut self) -> Result<Option<Vec<String>>, ApiError> {
        let expected = format!("a list of events: {}", EVENTS.join(", "));
        let events: Option<Vec<String>> = self.body.optional("events", &expected)?;
        let events = events.map(checked_events).transpose();
        events.map_err(|error| self.body.invalid("invalid_field", error.to_string()))
    }
}

fn sent(keyed: bool, sent: Result<Sent, ManageError>) -> Result<Response, ApiError> {
    let sent = sent.map_err(|error| match error {
        ManageError::Enqueue(error) if !keyed => ApiError::from(error).may_do_twice(TWICE),
        error => error.into(),
    })?;
    let body = json!({"jobId": sent.job_id, "webhookId": sent.webhook_id});
    let mut response = reply::json(StatusCode::ACCEPTED, &body);
    response.extensions_mut().insert(Wake);
    Ok(response)
}

impl From<ManageError> for ApiError {
    fn from(error: ManageError) -> Self {
        let detail = error.to_string();
        match error {
            ManageError::LongUrl(_) | ManageError::RefusedUrl(_) => Self::invalid("invalid_url", detail),
            ManageError::Taken => Self::conflict("endpoint_exists", detail),
            ManageError::TooMany => Self::conflict("too_many_endpoints", detail),
            ManageError::UnknownEndpoint => Self::not_found("unknown_endpoint", detail),
            ManageError::UnknownWebhook => Self::not_found("unknown_job", detail),
            ManageError::Meanwhile => Self::conflict("changed_meanwhile", detail),
            ManageError::Job(error) => record::too_large(&error),
            ManageError::Enqueue(error) => error.into(),
            ManageError::Upstash(error) => error.into(),
        }
    }
}

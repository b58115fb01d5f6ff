//! What is done with a partner's endpoints: make, change, replace a secret, remove, test, send again.

use http::StatusCode;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::view::{EndpointView, PartnerView};
use crate::app::App;
use crate::domain::email_address::EmailAddress;
use crate::domain::endpoint::{EVENTS, Endpoint, EndpointSecret, MAX_ENDPOINTS, MAX_URL_BYTES, TEST};
use crate::domain::id::{EndpointId, JobId, PartnerId};
use crate::domain::job::{EscrowStatusChanged, JobOptions, JobType, NewJob, Payload};
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, Wake, record, reply};
use crate::partners::{Changed, Does, KnownEndpoint, Partner, PartnerChange, child_id};
use crate::workers::webhook;

const ACTIONS: &str = "create-endpoint, update-endpoint, rotate-secret, delete-endpoint, set-email, test, resend";
const URL: &str = "an https address";
const ENDPOINT: &str = "an endpoint's id";
const SECRET: &str = "whsec_ and base64 of 24 to 64 bytes";

/// One request: the partner as it was read.
struct Call<'a> {
    app: &'a App,
    request: &'a Request,
    id: &'a PartnerId,
    partner: Partner,
    body: Fields,
}

/// `POST /api/partners/{id}`
pub(super) async fn act(app: &App, request: &Request, id: &PartnerId) -> Result<Response, ApiError> {
    let mut body = Fields::of_body(&request.body)?;
    let action: String = body.required("action", ACTIONS)?;
    let partner = app.partners()?.read(id).await?;
    let call = Call { app, request, id, partner, body };
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
        let url = self.address(url, None)?;
        let events = self.events()?.unwrap_or_default();
        let secret = self.secret()?;
        self.body = finish(self.body, "action, url, events or secret")?;
        if self.partner.endpoints.len() >= MAX_ENDPOINTS {
            let detail = format!("the partner has {MAX_ENDPOINTS} endpoints, which are all it may have");
            return Err(ApiError::conflict("too_many_endpoints", detail));
        }
        let now = self.app.clock().now();
        let id = EndpointId::new(self.app.dice().bytes());
        let endpoint =
            Endpoint { url, events, secret, previous: None, enabled: true, created_at: now, updated_at: now };
        let change = PartnerChange::Endpoint { id: &id, stored: None, endpoint: Some(&endpoint), forgets: true };
        self.change("endpoint_created", &id, &endpoint, change).await?;
        let known = KnownEndpoint { id, endpoint, stored: String::new(), does: Does::default() };
        Ok(reply::json(StatusCode::CREATED, &EndpointView::new(&known, now).with_secret(&known)))
    }

    async fn update(mut self) -> Result<Response, ApiError> {
        let mut known = self.known()?;
        let url: Option<String> = self.body.optional("url", URL)?;
        let events = self.events()?;
        let enabled: Option<bool> = self.body.optional("enabled", "true or false")?;
        self.body = finish(self.body, "action, endpoint, url, events or enabled")?;
        if let Some(url) = url {
            known.endpoint.url = self.address(url, Some(&known.id))?;
        }
        known.endpoint.events = events.unwrap_or(known.endpoint.events);
        known.endpoint.enabled = enabled.unwrap_or(known.endpoint.enabled);
        // Enabled again, it gets another five days.
        let forgets = enabled == Some(true);
        self.save("endpoint_changed", &mut known, forgets).await?;
        Ok(reply::json(StatusCode::OK, &EndpointView::new(&known, self.app.clock().now())))
    }

    async fn rotate(mut self) -> Result<Response, ApiError> {
        let mut known = self.known()?;
        let secret = self.secret()?;
        self.body = finish(self.body, "action, endpoint or secret")?;
        let now = self.app.clock().now();
        known.endpoint.rotate(secret, now);
        self.save("endpoint_secret_rotated", &mut known, false).await?;
        Ok(reply::json(StatusCode::OK, &EndpointView::new(&known, now).with_secret(&known)))
    }

    async fn delete(mut self) -> Result<Response, ApiError> {
        let known = self.known()?;
        self.body = finish(self.body, "action or endpoint")?;
        let change =
            PartnerChange::Endpoint { id: &known.id, stored: Some(&known.stored), endpoint: None, forgets: true };
        self.change("endpoint_deleted", &known.id, &known.endpoint, change).await?;
        Ok(reply::json(StatusCode::OK, &json!({"deleted": known.id})))
    }

    async fn set_email(mut self) -> Result<Response, ApiError> {
        let email: Option<EmailAddress> = self.body.optional("email", "an e-mail address, or null for none")?;
        self.body = finish(self.body, "action or email")?;
        let about = json!({"partner": self.id, "email": email.as_ref().map(ToString::to_string)});
        let record = record::of(self.app, self.request, "partner_email_changed", &about)?;
        let change = PartnerChange::Email { stored: self.partner.email.as_ref(), email: email.as_ref() };
        done(self.app.partners()?.change(self.id, change, &record).await?)?;
        self.partner.email = email;
        Ok(reply::json(StatusCode::OK, &PartnerView::new(self.id, &self.partner, self.app.clock().now())))
    }

    /// Has a webhook sent that says nothing, to see whether it arrives.
    async fn test(mut self) -> Result<Response, ApiError> {
        let known = self.known()?;
        self.body = finish(self.body, "action or endpoint")?;
        let change = EscrowStatusChanged {
            escrow_id: "esc_test".to_owned(),
            status_before: "created".to_owned(),
            status_after: "authorized".to_owned(),
            occurred_at: Some(self.app.clock().now()),
            event: Some(TEST.to_owned()),
            partner: Some(self.id.clone()),
            endpoint: Some(known.id),
            webhook_id: None,
        };
        self.enqueue(&change, Some(1)).await
    }

    /// Has a webhook sent again, under the id it had, to one endpoint.
    async fn resend(mut self) -> Result<Response, ApiError> {
        let known = self.known()?;
        let job: String = self.body.required("jobId", "the id of a webhook's job")?;
        let job = JobId::parse(job).map_err(|error| self.body.invalid("invalid_id", error.to_string()))?;
        self.body = finish(self.body, "action, endpoint or jobId")?;
        let unknown = || {
            let detail =
                "the partner has no such webhook; completed ones are kept for 24 hours, dead letters for 7 days";
            ApiError::not_found("unknown_job", detail)
        };
        let view = self.app.queue()?.status(&job).await?.ok_or_else(unknown)?;
        let payload = view.document.read_payload();
        let Ok(Payload::WebhookEscrowStatusChanged(mut change)) = payload else { return Err(unknown()) };
        if change.partner.as_ref() != Some(self.id) {
            return Err(unknown());
        }
        let own = change.endpoint.as_ref() == Some(&known.id);
        let webhook_id = if own { change.webhook_id.take().or(Some(job)) } else { child_id(&job, &known.id) };
        change.occurred_at = change.occurred_at.or(Some(view.document.created_at));
        change.webhook_id = webhook_id;
        change.endpoint = Some(known.id);
        self.enqueue(&change, None).await
    }

    async fn enqueue(&self, change: &EscrowStatusChanged, max_attempts: Option<u32>) -> Result<Response, ApiError> {
        let now = self.app.clock().now();
        let payload = to_raw_value(change).map_err(|_| ApiError::internal())?;
        let traceparent = self.request.traceparent().map(str::to_owned);
        let options = JobOptions { max_attempts, traceparent, ..JobOptions::default() };
        let id = self.app.dice().job_id(now);
        let job = NewJob::new(id.clone(), JobType::WebhookEscrowStatusChanged, payload, now, options);
        let job = job.map_err(|error| ApiError::invalid("invalid_job", error.to_string()))?;
        self.app.queue()?.enqueue(&[job]).await?;
        let webhook_id = change.webhook_id.as_ref().unwrap_or(&id);
        let mut response = reply::json(StatusCode::ACCEPTED, &json!({"jobId": id, "webhookId": webhook_id}));
        response.extensions_mut().insert(Wake);
        Ok(response)
    }

    async fn save(&self, event: &str, known: &mut KnownEndpoint, forgets: bool) -> Result<(), ApiError> {
        known.endpoint.updated_at = self.app.clock().now();
        let stored = std::mem::take(&mut known.stored);
        let change =
            PartnerChange::Endpoint { id: &known.id, stored: Some(&stored), endpoint: Some(&known.endpoint), forgets };
        self.change(event, &known.id, &known.endpoint, change).await?;
        if forgets {
            known.does = Does::default();
        }
        Ok(())
    }

    /// Makes a change of an endpoint, on record: the record has no secret.
    async fn change(
        &self,
        event: &str,
        id: &EndpointId,
        endpoint: &Endpoint,
        change: PartnerChange<'_>,
    ) -> Result<(), ApiError> {
        let about: Value = json!({"partner": self.id, "endpoint": id, "url": endpoint.url, "events": endpoint.events, "enabled": endpoint.enabled});
        let record = record::of(self.app, self.request, event, &about)?;
        done(self.app.partners()?.change(self.id, change, &record).await?)
    }

    fn known(&mut self) -> Result<KnownEndpoint, ApiError> {
        let id: String = self.body.required("endpoint", ENDPOINT)?;
        super::known(&self.partner, &id).cloned()
    }

    fn secret(&mut self) -> Result<EndpointSecret, ApiError> {
        let given: Option<String> = self.body.optional("secret", SECRET)?;
        match given {
            None => Ok(EndpointSecret::new(self.app.dice().bytes())),
            Some(text) => EndpointSecret::parse(text)
                .map_err(|_| self.body.invalid("invalid_field", format!("secret is not {SECRET}"))),
        }
    }

    fn events(&mut self) -> Result<Option<Vec<String>>, ApiError> {
        let expected = format!("a list of events: {}", EVENTS.join(", "));
        let events: Option<Vec<String>> = self.body.optional("events", &expected)?;
        let Some(mut events) = events else { return Ok(None) };
        if events.iter().any(|event| !EVENTS.contains(&event.as_str())) {
            return Err(self.body.invalid("invalid_field", format!("events is not {expected}")));
        }
        events.sort_unstable();
        events.dedup();
        Ok(Some(events))
    }

    /// Checks an address: one that may be reached, and that no other endpoint of the partner has.
    fn address(&self, url: String, own: Option<&EndpointId>) -> Result<String, ApiError> {
        let invalid = |detail: String| self.body.invalid("invalid_url", detail);
        if url.len() > MAX_URL_BYTES {
            return Err(invalid(format!("url has {} bytes, expected at most {MAX_URL_BYTES}", url.len())));
        }
        if let Some(reason) = webhook::refusal(&self.app.config().webhook_allow_private, &url) {
            return Err(invalid(format!("url is refused: {reason}; expected {URL} on the Internet")));
        }
        let taken = self.partner.endpoints.values().any(|known| known.endpoint.url == url && Some(&known.id) != own);
        if taken {
            let detail = "the partner has an endpoint with this url; each would be told everything twice";
            return Err(ApiError::conflict("endpoint_exists", detail));
        }
        Ok(url)
    }
}

/// Refuses what is left of a body, and keeps it for the errors to come.
fn finish(body: Fields, known: &str) -> Result<Fields, ApiError> {
    body.finish(known)?;
    Fields::of_body(b"{}")
}

fn done(changed: Changed) -> Result<(), ApiError> {
    match changed {
        Changed::Done => Ok(()),
        Changed::Outdated => {
            let detail = "somebody else changed it at the same time; read it again, and decide anew";
            Err(ApiError::conflict("changed_meanwhile", detail))
        }
    }
}

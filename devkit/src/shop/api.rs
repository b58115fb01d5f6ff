//! The shop's calls: to our routes, and the one to Stripe that a buyer's browser makes.

use std::time::Instant;

use holdfast::outbound::OutboundError;
use serde_json::Value;

use crate::clock;

/// What a partner may.
pub(super) const PARTNER: &str = "dev-partner-key";
/// What only an operator may.
pub(super) const ADMIN: &str = "dev-admin-key";

#[derive(Clone, Debug)]
pub(super) struct Api {
    http: reqwest::Client,
    site: String,
    stripe: String,
    stripe_key: String,
}

/// A call that was made, as the page shows it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) at_ms: i64,
    /// How to make it by hand.
    pub(super) curl: String,
    /// None where there was no answer.
    pub(super) status: Option<u16>,
    pub(super) took_ms: u128,
    pub(super) answer: Value,
}

impl Call {
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }
}

impl Api {
    pub(super) fn new(site: &str, (stripe, stripe_key): (&str, &str)) -> Result<Self, OutboundError> {
        let (stripe, stripe_key) = (stripe.to_owned(), stripe_key.to_owned());
        Ok(Self { http: holdfast::outbound::client()?, site: site.to_owned(), stripe, stripe_key })
    }

    /// Reads an escrow with what became of its jobs. The operator sees what is possible for either.
    pub(super) async fn escrow(&self, id: &str) -> Call {
        let url = format!("{}/api/escrow/{id}", self.site);
        let curl = format!("curl {url} -H \"Authorization: Bearer {ADMIN}\"");
        self.send(self.http.get(&url).bearer_auth(ADMIN), curl).await
    }

    /// Sends a POST to one of the routes, under an idempotency key.
    pub(super) async fn post(&self, route: &str, api_key: &str, idempotency_key: &str, body: &Value) -> Call {
        let url = format!("{}/api/escrow/{route}", self.site);
        let text = body.to_string();
        let quoted = text.replace('\'', r"'\''");
        let curl = format!(
            "curl {url} -H \"Authorization: Bearer {api_key}\" -H \"Idempotency-Key: {idempotency_key}\" \\\n  -d '{quoted}'"
        );
        let request = self.http.post(&url).bearer_auth(api_key).header("idempotency-key", idempotency_key);
        self.send(request.body(text), curl).await
    }

    /// Pays with a test card, as the buyer does on Stripe's page.
    pub(super) async fn pay(&self, intent_id: &str, card: &str) -> Call {
        let url = format!("{}/v1/payment_intents/{intent_id}/confirm", self.stripe);
        let curl = format!("curl {url} -u {}: -d payment_method={card}", self.stripe_key);
        let body: String = form_urlencoded::Serializer::new(String::new()).append_pair("payment_method", card).finish();
        let request = self.http.post(&url).bearer_auth(&self.stripe_key).body(body);
        self.send(request.header("content-type", "application/x-www-form-urlencoded"), curl).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, curl: String) -> Call {
        let (at_ms, started) = (clock::now_ms(), Instant::now());
        let (status, answer) = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let body = response.bytes().await.unwrap_or_default();
                (Some(status), serde_json::from_slice(&body).unwrap_or_default())
            }
            Err(error) => {
                tracing::warn!(%error, "the shop's call got no answer");
                (None, Value::Null)
            }
        };
        Call { at_ms, curl, status, took_ms: started.elapsed().as_millis(), answer }
    }
}

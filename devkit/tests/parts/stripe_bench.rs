//! A sandbox on a port, and a client that speaks to it as a library would.

use std::time::Duration;

use devkit::serve::{Served, serve};
use devkit::stripe::{StripeOptions, StripeSandbox};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What card payments need, so that confirming asks for no `return_url`.
pub(crate) const CARD: [(&str, &str); 1] = [("payment_method_types[]", "card")];

pub(crate) struct Bench {
    pub(crate) stripe: StripeSandbox,
    pub(crate) served: Served,
    pub(crate) client: reqwest::Client,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let stripe = StripeSandbox::new(StripeOptions::default());
        let served = serve(stripe.router()).await.unwrap();
        Self { stripe, served, client: devkit::client::plain(Duration::from_secs(5)) }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("{}{path}", self.served.url()))
            .header("authorization", "Bearer sk_test_dev")
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        reply(self.request("GET", path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        reply(self.request("POST", path).form(form).send().await.unwrap()).await
    }

    pub(crate) async fn post_with_key(&self, key: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        self.try_with_key(key, path, form).await.unwrap()
    }

    pub(crate) async fn try_with_key(&self, key: &str, path: &str, form: &[(&str, &str)]) -> reqwest::Result<Reply> {
        Ok(reply(self.request("POST", path).header("idempotency-key", key).form(form).send().await?).await)
    }

    /// A payment of 10.00 usd held on this card; the answer whatever it is.
    pub(crate) async fn hold(&self, card: &str) -> Reply {
        let form = [
            ("amount", "1000"),
            ("currency", "usd"),
            ("capture_method", "manual"),
            ("confirm", "true"),
            ("payment_method", card),
            CARD[0],
        ];
        self.post("/v1/payment_intents", &form).await
    }

    /// The id of a payment of 10.00 usd that is held.
    pub(crate) async fn held(&self, card: &str) -> String {
        text(&self.hold(card).await.body["id"])
    }

    /// The id of a payment of 10.00 usd that is captured.
    pub(crate) async fn captured(&self, card: &str) -> String {
        let id = self.held(card).await;
        assert_eq!(self.post(&format!("/v1/payment_intents/{id}/capture"), &[]).await.status, 200);
        id
    }
}

pub(crate) async fn reply(response: reqwest::Response) -> Reply {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap_or_default();
    Reply { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

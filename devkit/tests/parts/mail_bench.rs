//! An outbox on a port, and a client that speaks to it as Resend's would.

use std::time::Duration;

use devkit::mail::{MailOptions, Outbox};
use devkit::serve::{Served, serve};
use serde_json::{Value, json};

use crate::stripe_bench::{Reply, reply};

pub(crate) struct Bench {
    pub(crate) outbox: Outbox,
    pub(crate) served: Served,
    pub(crate) client: reqwest::Client,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let outbox = Outbox::new(MailOptions::default());
        let served = serve(outbox.router()).await.unwrap();
        Self { outbox, served, client: devkit::client::plain(Duration::from_secs(5)) }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("{}{path}", self.served.url()));
        request.header("authorization", "Bearer re_dev").header("user-agent", "holdfast-tests/1.0")
    }

    pub(crate) async fn send(&self, body: &Value) -> Reply {
        reply(self.request("POST", "/emails").json(body).send().await.unwrap()).await
    }

    pub(crate) async fn send_with_key(&self, key: &str, body: &Value) -> Reply {
        self.try_with_key(key, body).await.unwrap()
    }

    pub(crate) async fn try_with_key(&self, key: &str, body: &Value) -> reqwest::Result<Reply> {
        Ok(reply(self.request("POST", "/emails").header("idempotency-key", key).json(body).send().await?).await)
    }
}

/// A mail to this address.
pub(crate) fn mail_to(address: &str) -> Value {
    json!({ "from": "Holdfast <pay@holdfast.example>", "to": address, "subject": "Hello", "html": "<p>Hi</p>", "text": "Hi" })
}

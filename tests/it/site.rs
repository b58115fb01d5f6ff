//! The routes as callers meet them, without a socket between.

use bytes::Bytes;
use holdfast::app::App;
use holdfast::config::{
    CRON_SECRET, Config, JOB_PROCESSOR_SECRET_TOKEN, KEY_PREFIX, KV_REST_API_TOKEN, KV_REST_API_URL,
};
use holdfast::http::{ROUTES, Request};
use http::HeaderMap;
use serde_json::Value;

use crate::bench::Bench;

pub(crate) const TOKEN: &str = "test-processor-token";
pub(crate) const CRON: &str = "test-cron-secret";

/// An answer, its body read as JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
}

impl Answer {
    /// The status and the problem's code.
    pub(crate) fn problem(&self) -> (u16, &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        (self.status, self.body["code"].as_str().unwrap())
    }
}

impl Bench {
    /// Makes the app, with `set` in the place of the variables that would be set.
    pub(crate) fn app_with(&self, set: &[(&'static str, &str)]) -> App {
        let url = self.rest.url();
        let defaults = [
            (KV_REST_API_URL, url.as_str()),
            (KV_REST_API_TOKEN, self.rest.token()),
            (KEY_PREFIX, self.prefix.as_str()),
            (JOB_PROCESSOR_SECRET_TOKEN, TOKEN),
            (CRON_SECRET, CRON),
        ];
        let find = |list: &[(&'static str, &str)], name| {
            list.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned())
        };
        let config = Config::from_lookup(|name| find(set, name).or_else(|| find(&defaults, name)));
        App::new(config, self.clock.clone(), self.dice.clone()).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        call(&self.app_with(&[]), "POST", path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        call(&self.app_with(&[]), "GET", path, &[("authorization", &format!("Bearer {token}"))], "").await
    }
}

/// Calls the route whose path it is.
pub(crate) async fn call(app: &App, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let plain = path.split('?').next().unwrap();
    let exact = ROUTES.into_iter().find(|route| route.path == plain);
    let route = exact.or_else(|| ROUTES.into_iter().find(|route| route.matches(plain))).unwrap();
    let mut builder = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let parts = builder.body(()).unwrap().into_parts().0;
    let response = route.call(app, Request::new(parts, Bytes::from(body.to_owned()))).await;
    let (parts, body) = response.into_parts();
    let text = String::from_utf8_lossy(&body).into_owned();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let content_type = parts.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
    crate::openapi::assert_described(method, route.path, parts.status.as_u16(), content_type, &body);
    Answer { status: parts.status.as_u16(), headers: parts.headers, body, text }
}

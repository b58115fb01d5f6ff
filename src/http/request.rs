//! A request, as every platform gives it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::reply;
use crate::auth::Credentials;
use crate::domain::hex::hex;
use crate::domain::millis::Millis;
use crate::escrow::Origin;

/// A request.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as the caller sent it, without the query.
    pub path: String,
    /// The query as the caller sent it, without its question mark; empty where there is none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole; empty where it was too large to be read.
    pub body: Bytes,
    /// Whether the platform stopped reading, since the body is longer than the route takes.
    pub too_large: bool,
    /// Who sends it.
    pub sender: Sender,
    /// When the platform will end the function, where it says so.
    pub deadline: Option<Millis>,
    /// The request's name in logs and answers; set by [`Route::call`](super::Route::call).
    pub id: String,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Anyone, over HTTP.
    Http,
    /// The platform's own scheduler, which only the account's owner can set up: no HTTP was involved.
    Schedule,
}

impl Request {
    /// Makes a request out of a platform's, whose body is read.
    pub fn new(parts: http::request::Parts, body: Bytes) -> Self {
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            too_large: false,
            body,
            sender: Sender::Http,
            deadline: None,
            id: String::new(),
        }
    }

    /// Returns a header's value where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns what the request shows of its sender.
    pub fn credentials(&self) -> Credentials<'_> {
        let bearer = self.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        Credentials { bearer, says_cron: self.says_cron() }
    }

    /// Tells whether it has the marks of Vercel's cron or its Schedules. Anyone can send these.
    pub fn says_cron(&self) -> bool {
        let agent = self.header("user-agent").is_some_and(|agent| agent.starts_with("vercel-cron/"));
        agent || self.headers.contains_key("ce-vssschedulename") || self.headers.contains_key("x-vercel-cron-schedule")
    }

    /// Returns the W3C trace context where it is of its form.
    pub fn traceparent(&self) -> Option<&str> {
        self.header("traceparent").filter(|value| is_traceparent(value))
    }

    /// Returns from where a change comes that the request asks for.
    pub fn origin(&self) -> Origin<'_> {
        Origin { request_id: Some(&self.id), traceparent: self.traceparent() }
    }

    /// Begins a trace where the caller began none, so that one id leads from the request's lines to its jobs' in any case. It is named after
    /// the request's id: a repeat under one id is in one trace.
    pub(super) fn begin_trace(&mut self) {
        if self.traceparent().is_none() {
            let digits = hex(Sha256::digest(format!("holdfast-trace {}", self.id)));
            let text = format!("00-{}-{}-01", &digits[..32], &digits[32..48]);
            self.headers.insert("traceparent", reply::text(&text));
        }
    }

    /// Returns what stands for the last `{...}` of `pattern` in the path, its percent-encoding undone once.
    pub fn parameter(&self, pattern: &str) -> Option<String> {
        let (before, _) = pattern.split_once('{')?;
        // A gateway may put its stage before the path.
        let (_, rest) = self.path.split_once(before)?;
        let name = Some(rest).filter(|rest| !rest.is_empty() && !rest.contains('/'))?;
        // One that decodes to no text stays as it is: then it has a '%', and no id has.
        let decoded = percent_decode_str(name).decode_utf8();
        Some(decoded.map_or_else(|_| name.to_owned(), Cow::into_owned))
    }
}

/// Names the request and how long its body is; never a header, the query or the body, which hold tokens, addresses and payloads.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("id", &self.id)
            .field("sender", &self.sender)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Version 00 of W3C Trace Context: `00-<32 hex>-<16 hex>-<2 hex>`, lower case.
fn is_traceparent(value: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = value.split('-').collect();
    matches!(parts[..], ["00", trace, parent, flags] if hex(trace, 32) && hex(parent, 16) && hex(flags, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, headers: &[(&str, &str)]) -> Request {
        let mut builder = http::Request::builder().uri(path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        Request::new(builder.body(()).unwrap().into_parts().0, Bytes::new())
    }

    #[test]
    fn the_parameter_is_read_from_the_path() {
        let pattern = "/api/jobs/{id}";
        for (path, expected) in [
            ("/api/jobs/job-1?x=1", Some("job-1")),
            ("/prod/api/jobs/job-1", Some("job-1")),
            ("/api/jobs/a%3Ab", Some("a:b")),
            ("/api/jobs/a%253Ab", Some("a%3Ab")),
            ("/api/jobs/a%3", Some("a%3")),
            ("/api/jobs/a%FF", Some("a%FF")),
            ("/api/jobs/", None),
            ("/api/jobs/a/b", None),
        ] {
            assert_eq!(request(path, &[]).parameter(pattern).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_in_any_case_of_its_scheme() {
        let bearer = |value| request("/", &[("authorization", value)]).credentials().bearer.map(str::to_owned);
        assert_eq!(bearer("Bearer abc"), Some("abc".into()));
        assert_eq!(bearer("bearer abc"), Some("abc".into()));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer"), None);
    }

    #[test]
    fn only_a_trace_context_of_its_form_is_passed_on() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(request("/", &[("traceparent", good)]).traceparent(), Some(good));
        for bad in ["00-0-0-0", "x", &good.to_uppercase(), &format!("{good}-1")] {
            assert_eq!(request("/", &[("traceparent", bad)]).traceparent(), None, "{bad}");
        }
    }
}

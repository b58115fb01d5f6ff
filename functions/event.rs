//! From an event to a request.

use std::time::Duration;

use holdfast::domain::millis::Millis;
use holdfast::http::{Request, Sender};
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;

/// Fields that only an HTTP event has. One that could not be read as such is still not a schedule's.
const HTTP_FIELDS: [&str; 6] = ["requestContext", "routeKey", "rawPath", "httpMethod", "headers", "multiValueHeaders"];

/// How long API Gateway waits for an answer: an HTTP API 30 s, a REST API 29 s (its quotas, August 2026). After it the caller is told
/// that there is none, while the function goes on.
const GATEWAY_WAITS: Duration = Duration::from_secs(29);

/// Makes a request of an event that came at `now`.
pub(crate) fn request(event: lambda_http::Request, now: Millis) -> Request {
    let mut deadline = event.lambda_context_ref().and_then(|context| i64::try_from(context.deadline).ok()).map(Millis);
    let is_http = !matches!(event.request_context_ref(), Some(RequestContext::PassThrough));
    if is_http {
        let gateways = now.plus(GATEWAY_WAITS);
        // A deadline that has passed is not one: a local runner sends a constant.
        deadline =
            Some(deadline.filter(|deadline| *deadline > now).map_or(gateways, |deadline| deadline.min(gateways)));
    }
    let (parts, body) = event.into_parts();
    let mut request = Request::new(parts, crate::bytes(body));
    request.deadline = deadline;
    if !is_http && is_scheduled(&request.body) {
        request.sender = Sender::Schedule;
    }
    request
}

/// Tells whether an event that is no HTTP one comes from a schedule. Only the account's owner can send such: rules
/// and Scheduler, or whoever may invoke the function. They may set any input, so it is told by what it is not.
fn is_scheduled(event: &[u8]) -> bool {
    match serde_json::from_slice(event) {
        Ok(serde_json::Value::Object(fields)) => !HTTP_FIELDS.iter().any(|name| fields.contains_key(*name)),
        Ok(_) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events that `sam local generate-event` makes, and Scheduler's, which it does not know.
    const HTTP_API: &str = include_str!("../events/http-api.json");
    const REST_API: &str = include_str!("../events/rest-api.json");
    const RULE: &str = include_str!("../events/rule.json");
    const SCHEDULER: &str = include_str!("../events/scheduler.json");

    const NOW: Millis = Millis(1_800_000_000_000);

    fn read(event: &str) -> Request {
        request(lambda_http::request::from_str(event).unwrap(), NOW)
    }

    #[test]
    fn schedules_of_every_form_are_told_from_http() {
        for event in [SCHEDULER, RULE, r#"{"action":"process-batch"}"#, "{}", "null"] {
            let request = read(event);
            assert_eq!((request.sender, request.deadline), (Sender::Schedule, None), "{event}");
        }
    }

    #[test]
    fn both_gateways_calls_are_http() {
        for event in [HTTP_API, REST_API] {
            let event = event.replace("/api/health", "/api/jobs/job-1").replace(r#""GET""#, r#""DELETE""#);
            let request = read(&event.replace(r#""headers": {"#, r#""headers": {"authorization": "Bearer x","#));
            assert_eq!((request.sender, request.method.as_str()), (Sender::Http, "DELETE"));
            assert_eq!(request.parameter("/api/jobs/{id}").as_deref(), Some("job-1"), "{}", request.path);
            assert_eq!(request.credentials().bearer, Some("x"));
        }
    }

    #[test]
    fn a_gateway_is_answered_while_it_still_waits() {
        let deadline = |left: u64| {
            let event = lambda_http::request::from_str(HTTP_API).unwrap();
            let mut context = lambda_http::Context::default();
            context.deadline = NOW.plus(Duration::from_secs(left)).0.unsigned_abs();
            request(event.with_lambda_context(context), NOW).deadline.unwrap().since(NOW).as_secs()
        };
        assert_eq!([deadline(15), deadline(60)], [15, 29]);
        assert_eq!(deadline(0), 29, "a deadline that has passed is unknown");
    }

    #[test]
    fn an_http_event_that_cannot_be_read_is_nobodys_schedule() {
        let broken =
            r#"{"version":"2.0","routeKey":1,"rawPath":[],"headers":"x","requestContext":{"http":{"method":"PO ST"}}}"#;
        assert_eq!(read(broken).sender, Sender::Http);
    }
}

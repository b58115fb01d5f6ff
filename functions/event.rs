//! From an event to a request.

use holdfast::domain::millis::Millis;
use holdfast::http::{Request, Sender};
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;

/// Fields that only an HTTP event has. One that could not be read as such is still not a schedule's.
const HTTP_FIELDS: [&str; 6] = ["requestContext", "routeKey", "rawPath", "httpMethod", "headers", "multiValueHeaders"];

/// Makes a request of an event.
pub(crate) fn request(event: lambda_http::Request) -> Request {
    let deadline = event.lambda_context_ref().and_then(|context| i64::try_from(context.deadline).ok()).map(Millis);
    let is_http = !matches!(event.request_context_ref(), Some(RequestContext::PassThrough));
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

    fn read(event: &str) -> Request {
        request(lambda_http::request::from_str(event).unwrap())
    }

    #[test]
    fn schedules_of_every_form_are_told_from_http() {
        for event in [
            r#"{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.scheduler","detail":"{}"}"#,
            r#"{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#,
            r#"{"action":"process-batch"}"#,
            "{}",
            "null",
        ] {
            assert_eq!(read(event).sender, Sender::Schedule, "{event}");
        }
    }

    #[test]
    fn both_gateways_calls_are_http() {
        let second = r#"{"version":"2.0","routeKey":"GET /api/jobs/{id}","rawPath":"/api/jobs/job-1","rawQueryString":"",
            "headers":{"authorization":"Bearer x"},"isBase64Encoded":false,
            "requestContext":{"stage":"$default","http":{"method":"GET","path":"/api/jobs/job-1","sourceIp":"1.2.3.4"}}}"#;
        let first = r#"{"resource":"/api/jobs/{id}","path":"/api/jobs/job-1","httpMethod":"GET","headers":{"Authorization":"Bearer x"},
            "multiValueHeaders":{"Authorization":["Bearer x"]},"queryStringParameters":null,"isBase64Encoded":false,"body":null,
            "requestContext":{"stage":"prod","httpMethod":"GET","path":"/prod/api/jobs/job-1","identity":{}}}"#;
        for event in [second, first] {
            let request = read(event);
            assert_eq!((request.sender, request.method.as_str()), (Sender::Http, "GET"));
            assert_eq!(request.parameter("/api/jobs/{id}"), Some("job-1"), "{}", request.path);
            assert_eq!(request.credentials().bearer, Some("x"));
        }
    }

    #[test]
    fn an_http_event_that_cannot_be_read_is_nobodys_schedule() {
        let broken =
            r#"{"version":"2.0","routeKey":1,"rawPath":[],"headers":"x","requestContext":{"http":{"method":"PO ST"}}}"#;
        assert_eq!(read(broken).sender, Sender::Http);
    }
}

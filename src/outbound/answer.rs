//! What another server answered, read to a limit, and why there was no answer.
//!
//! Nothing here repeats an address, a header or a body of ours, so that every text may stand in a job's `lastError`.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};

/// Longest code of another server that is repeated, in characters. Chosen: the longest of Stripe's has 56.
const MAX_CODE_CHARS: usize = 64;

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The first bytes of the body, at most as many as were asked for.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads at most `limit` bytes of the body; the rest is left on the wire and the connection closed.
    pub(crate) async fn read(mut response: Response, limit: usize) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            let room = limit - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                break;
            }
        }
        Ok(Self { status, headers, body })
    }

    /// Takes what came before the body, which is left on the wire.
    pub(crate) fn without_body(response: &Response) -> Self {
        Self { status: response.status().as_u16(), headers: response.headers().clone(), body: Vec::new() }
    }

    /// Tells whether the status is 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns a header's value, where it is a text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns how long the other side asked us to wait: seconds, or a date seen from `now`.
    pub(crate) fn retry_after(&self, now: Millis) -> Option<Duration> {
        let text = self.header(RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(text).ok()?;
        let date = Millis(0).plus(date.duration_since(UNIX_EPOCH).ok()?);
        Some(date.since(now))
    }
}

/// Says why there was no answer of `service`: it may have acted or not.
pub(crate) fn no_answer(service: &str, error: &reqwest::Error) -> Failure {
    let (kind, what) = match error {
        error if error.is_timeout() && error.is_connect() => (FailureKind::Timeout, "no connection in time"),
        error if error.is_timeout() => (FailureKind::Timeout, "no answer in time"),
        error if error.is_connect() => (FailureKind::Unavailable, "no connection"),
        error if error.is_body() || error.is_decode() => (FailureKind::Unavailable, "the answer broke off"),
        error if error.is_builder() => (FailureKind::Configuration, "the request could not be made"),
        _ => (FailureKind::Unavailable, "the connection broke"),
    };
    Failure::new(kind, format!("{service}: {what}"))
}

/// Returns a code of another server if it is one word of a known alphabet, so that nothing else slips into a log.
pub(crate) fn code(text: &str) -> Option<&str> {
    let is_code = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    ((1..=MAX_CODE_CHARS).contains(&text.len()) && text.bytes().all(is_code)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(retry_after: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        Answer { status: 429, headers, body: Vec::new() }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = Millis(784_111_777_000);
        let seconds = |text| answer(text).retry_after(now).map(|wait| wait.as_secs());
        assert_eq!(seconds("30"), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-1"), None);
    }

    #[test]
    fn only_a_word_passes_for_a_code() {
        assert_eq!(code("card_declined"), Some("card_declined"));
        for other in ["", "jane@example.com", "two words", &"x".repeat(65)] {
            assert_eq!(code(other), None, "{other:?}");
        }
    }

    #[tokio::test]
    async fn no_more_of_a_body_is_read_than_asked_for() {
        let response = http::Response::new("x".repeat(5_000));
        let answer = Answer::read(response.into(), 1_024).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 1_024));
    }
}

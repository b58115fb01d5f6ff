//! Supabase: each audit record is a row too, written once a job through its REST API.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Recorded;
use crate::config::{SUPABASE_SERVICE_ROLE_KEY, Secret, SupabaseConfig};
use crate::domain::id::JobId;
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::edge::Clock;
use crate::outbound::answer::{Answer, code, no_answer};

/// Longest wait for one answer. Chosen: an insert takes milliseconds; a project that was paused takes seconds to wake.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of an answer that are read. Chosen: an error has under 1 KiB.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// A client of one project. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::workers) struct Supabase {
    rows_url: String,
    key: Secret,
    http: reqwest::Client,
    clock: Clock,
}

#[derive(Serialize)]
struct Row<'a> {
    job_id: &'a JobId,
    stream_id: &'a str,
    time_ms: &'a str,
    /// The text as it was hashed, not an object.
    event: &'a str,
    previous: &'a str,
    hash: &'a str,
}

impl Supabase {
    pub(in crate::workers) fn new(config: SupabaseConfig, http: reqwest::Client, clock: Clock) -> Self {
        let rows_url = format!("{}/rest/v1/audit_log?on_conflict=job_id", config.url);
        Self { rows_url, key: config.key, http, clock }
    }

    /// Writes the row of a job's record; where it is there, nothing happens.
    pub(in crate::workers) async fn insert(
        &self,
        job_id: &JobId,
        event: &RawValue,
        recorded: &Recorded,
    ) -> Result<(), Failure> {
        let Recorded { stream_id, time, previous, hash } = recorded;
        let row = Row { job_id, stream_id, time_ms: time, event: event.get(), previous, hash };
        let request = self
            .http
            .post(&self.rows_url)
            .header("content-type", "application/json")
            .header("prefer", "resolution=ignore-duplicates,return=minimal")
            .body(serde_json::to_vec(&row).unwrap_or_default())
            .timeout(TIMEOUT);
        let answer = async { Answer::read(with_key(request, &self.key).send().await?, MAX_ANSWER_BYTES).await };
        judge(&answer.await.map_err(|error| no_answer("Supabase", &error))?, self.clock.now())
    }
}

/// Shows Supabase its key. The new keys are no tokens and go into one header alone; the older ones are, and say in the other which role
/// they have.
pub fn with_key(request: reqwest::RequestBuilder, key: &Secret) -> reqwest::RequestBuilder {
    let key = key.expose();
    let request = request.header("apikey", key);
    if key.starts_with("sb_") { request } else { request.bearer_auth(key) }
}

/// Says what an answer means. The database's message is left out: it may repeat the row.
fn judge(answer: &Answer, now: Millis) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
    }
    if answer.is_success() {
        return Ok(());
    }
    let refusal: Option<Refusal> = serde_json::from_slice(&answer.body).ok();
    let word = refusal.as_ref().and_then(|refusal| code(&refusal.code)).unwrap_or_default();
    let status = answer.status;
    let said = format!("status {status} {word}");
    let said = said.trim_end();
    let (kind, message) = match (status, word) {
        // PostgREST's word for a table that is not there, and the database's.
        (404, _) | (_, "42P01" | "PGRST205") => {
            (FailureKind::Configuration, format!("Supabase has no table audit_log: {said}; see supabase/migrations"))
        }
        (401 | 403, _) => {
            (FailureKind::Configuration, format!("Supabase refused the key in {SUPABASE_SERVICE_ROLE_KEY}: {said}"))
        }
        _ => (FailureKind::of_status(status), format!("Supabase answered {said}")),
    };
    Err(Failure::new(kind, message).after(answer.retry_after(now)))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn an_answer_is_judged_by_status_and_code_and_never_repeats_the_row() {
        use FailureKind::{Configuration, Rejected, Throttled, Unavailable};
        let cases = [
            (401, "", Configuration, "Supabase refused the key in SUPABASE_SERVICE_ROLE_KEY: status 401"),
            (403, "42501", Configuration, "Supabase refused the key in SUPABASE_SERVICE_ROLE_KEY: status 403 42501"),
            (
                404,
                "PGRST205",
                Configuration,
                "Supabase has no table audit_log: status 404 PGRST205; see supabase/migrations",
            ),
            (400, "22P02", Rejected, "Supabase answered status 400 22P02"),
            (429, "", Throttled, "Supabase answered status 429"),
            (503, "PGRST000", Unavailable, "Supabase answered status 503 PGRST000"),
            (500, "not a code", Unavailable, "Supabase answered status 500"),
        ];
        for (status, word, kind, message) in cases {
            let body = format!(r#"{{"code":"{word}","message":"jane@example.com","details":null}}"#).into_bytes();
            let failure = judge(&Answer { status, headers: HeaderMap::new(), body }, Millis(0)).unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (kind, message));
        }
        let created = Answer { status: 201, headers: HeaderMap::new(), body: Vec::new() };
        assert_eq!(judge(&created, Millis(0)), Ok(()));
    }
}

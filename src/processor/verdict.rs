//! From a handler's outcome to what becomes of its job: complete, retry, bury or release.

use std::time::Duration;

use crate::domain::job::{JobDocument, JobStatus, Payload};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind, Outcome};
use crate::queue::{ClaimedJob, Verdict};

/// How long a job of a newer form is left to a newer deployment. Chosen: longer than a tick, so that old and new processors
/// that run at once do not hand it back and forth.
const LEFT_TO_NEWER: Duration = Duration::from_mins(2);

/// Decides of a claimed job, before anything is run, whether it is to be run at all: its document and payload, or the verdict.
pub(super) fn before_run(job: &ClaimedJob, now: Millis) -> Result<(JobDocument, Payload), Verdict> {
    let unreadable = |message: String| Verdict::Bury(Failure::new(FailureKind::Unreadable, message));
    let document = job.document.clone().map_err(|error| unreadable(error.to_string()))?;
    match document.status {
        JobStatus::Completed | JobStatus::DeadLetter | JobStatus::Cancelled => return Err(Verdict::Forget),
        _ if document.is_from_a_newer_version() => return Err(Verdict::Release(Some(now.plus(LEFT_TO_NEWER)))),
        _ if document.is_sealed() => {
            let id = &job.id;
            tracing::error!(job.id = %id, outcome = "sealed", "the payload of job {id} is sealed under a key that PAYLOAD_KEYS does not have");
            return Err(Verdict::Release(Some(now.plus(LEFT_TO_NEWER))));
        }
        _ => {}
    }
    if job.attempt > document.max_attempts {
        return Err(Verdict::Bury(crashed(job.attempt - 1)));
    }
    let payload = document.read_payload().map_err(|error| unreadable(error.to_string()))?;
    Ok((document, payload))
}

/// Decides what becomes of a job whose handler ended.
pub(super) fn after_run(job: &ClaimedJob, max_attempts: u32, outcome: Outcome, now: Millis) -> Verdict {
    match outcome {
        Outcome::Completed => Verdict::Complete,
        Outcome::Postponed(wait) => Verdict::Release(Some(now.plus(wait))),
        Outcome::Failed(failure) if !failure.kind.is_retryable() || job.attempt >= max_attempts => {
            Verdict::Bury(failure)
        }
        Outcome::Failed(failure) => {
            let wait = job.job_type.backoff().wait(&job.id, job.attempt, failure.retry_after);
            Verdict::Retry { at: now.plus(wait), failure }
        }
    }
}

fn crashed(attempts: u32) -> Failure {
    let message = format!(
        "attempt {attempts} was the last and ended without a result: its processor was killed, or its lease lapsed"
    );
    Failure::new(FailureKind::Crashed, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{ClaimId, JobId};
    use crate::domain::job::JobType;

    fn job(job_type: JobType, attempt: u32, text: &str) -> ClaimedJob {
        let id = JobId::parse("job-1").unwrap();
        let document = JobDocument::parse(id.clone(), job_type, text, Millis(0));
        ClaimedJob { id, job_type, attempt, claim: ClaimId::parse("c").unwrap(), text: text.into(), document }
    }

    fn audit(attempt: u32, more: &str) -> ClaimedJob {
        let text = format!(r#"{{"type":"audit_log_created","payload":{{"eventData":{{}}}}{more}}}"#);
        job(JobType::AuditLogCreated, attempt, &text)
    }

    fn failed(kind: FailureKind) -> Outcome {
        Outcome::Failed(Failure::new(kind, "no"))
    }

    #[test]
    fn a_retryable_failure_waits_two_then_four_seconds_and_then_dies() {
        let verdict = |attempt| after_run(&audit(attempt, ""), 3, failed(FailureKind::Unavailable), Millis(1_000));
        assert!(matches!(verdict(1), Verdict::Retry { at: Millis(3_000), .. }));
        assert!(matches!(verdict(2), Verdict::Retry { at: Millis(5_000), .. }));
        assert!(matches!(verdict(3), Verdict::Bury(_)));
    }

    #[test]
    fn a_final_failure_dies_at_once() {
        let verdict = after_run(&audit(1, ""), 3, failed(FailureKind::Rejected), Millis(0));
        assert!(matches!(verdict, Verdict::Bury(Failure { kind: FailureKind::Rejected, .. })));
    }

    #[test]
    fn a_job_whose_attempts_all_crashed_dies_and_says_so() {
        let Err(Verdict::Bury(failure)) = before_run(&audit(4, ""), Millis(0)) else { panic!("not buried") };
        assert_eq!(failure.kind, FailureKind::Crashed);
        assert!(failure.message.starts_with("attempt 3 was the last"), "{failure}");
        assert!(before_run(&audit(3, ""), Millis(0)).is_ok());
    }

    #[test]
    fn what_cannot_be_read_dies_with_the_reason() {
        for (text, reason) in [
            ("x", "job document is not a JSON object: the text is not JSON, at column 1"),
            (r#"{"type":"audit_log_created","payload":{}}"#, "payload of audit_log_created: missing field `eventData`"),
        ] {
            let Err(Verdict::Bury(failure)) = before_run(&job(JobType::AuditLogCreated, 1, text), Millis(0)) else {
                panic!("not buried")
            };
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Unreadable, reason));
        }
    }

    #[test]
    fn a_payload_of_an_older_version_is_read_in_the_form_of_today() {
        let text = r#"{"type":"send_release_email","payload":{"transactionId":"e","recipientEmail":"a@b","amount":500},"schemaVersion":0}"#;
        let (document, payload) = before_run(&job(JobType::SendReleaseEmail, 1, text), Millis(0)).unwrap();
        let Payload::SendReleaseEmail(mail) = payload else { panic!("not read") };
        assert_eq!(mail.currency.map(|currency| currency.to_string().to_lowercase()).as_deref(), Some("usd"));
        assert!(document.to_json().contains(r#""amount":500},"#), "what is stored stays as it came");
    }

    #[test]
    fn a_finished_job_is_not_run_again_and_a_newer_one_is_left_alone() {
        let before = |more: &str| before_run(&audit(1, more), Millis(0)).err();
        assert!(matches!(before(r#","status":"completed""#), Some(Verdict::Forget)));
        assert!(matches!(before(r#","schemaVersion":2"#), Some(Verdict::Release(Some(Millis(120_000))))));
        assert!(before("").is_none());
    }
}

//! When a job that failed is tried again.

use std::time::Duration;

use super::id::JobId;

/// Longest wait between two attempts. Chosen: the last step of the Standard Webhooks schedule.
pub const MAX_WAIT: Duration = Duration::from_hours(24);

/// Longest `Retry-After` that is followed. Chosen: as the longest wait of our own.
pub const MAX_RETRY_AFTER: Duration = MAX_WAIT;

/// A rule for the wait after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// 2^n × 1000 ms after attempt n: 2 s, 4 s, 8 s ... The seed's schedule.
    Doubling,
    /// The waits of Standard Webhooks 1.0.0: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    StandardWebhooks,
}

/// The waits of Standard Webhooks 1.0.0, in seconds, after attempts 1, 2, 3 ...
const STANDARD_WEBHOOKS_SECONDS: [u64; 9] =
    [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

/// Into how many steps a spread is divided.
const SPREAD_STEPS: u32 = 1_024;

/// Returns a number below [`SPREAD_STEPS`] that looks random: FNV-1a over the id and the attempt.
fn spread(id: &JobId, attempt: u32) -> u32 {
    let bytes = id.as_str().bytes().chain(attempt.to_be_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // The upper bits are mixed best.
    (hash >> 16) % SPREAD_STEPS
}

impl Backoff {
    /// Returns the wait after attempt `attempt` (1 is the first) of the job `id`, at least `retry_after` where the other side named one.
    ///
    /// The schedule of webhooks is spread by up to a tenth, so that what failed together does not come back together. How much is in the
    /// job's id and the attempt: a settlement that is repeated says the same.
    pub fn wait(self, id: &JobId, attempt: u32, retry_after: Option<Duration>) -> Duration {
        let own = match self {
            Self::Doubling => 2_u64.checked_pow(attempt.max(1)).map_or(MAX_WAIT, Duration::from_secs),
            Self::StandardWebhooks => {
                let step = (attempt.max(1) as usize - 1).min(STANDARD_WEBHOOKS_SECONDS.len() - 1);
                let wait = Duration::from_secs(STANDARD_WEBHOOKS_SECONDS[step]);
                wait + wait / 10 * spread(id, attempt) / SPREAD_STEPS
            }
        };
        own.min(MAX_WAIT).max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn id() -> JobId {
        JobId::parse("job-1").unwrap()
    }

    #[test]
    fn waits_two_then_four_then_eight_seconds() {
        let waits: Vec<u64> = (1..=4).map(|n| Backoff::Doubling.wait(&id(), n, None).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16]);
    }

    #[test]
    fn follows_retry_after_only_when_it_is_longer() {
        assert_eq!(Backoff::Doubling.wait(&id(), 1, Some(Duration::from_secs(30))).as_secs(), 30);
        assert_eq!(Backoff::Doubling.wait(&id(), 3, Some(Duration::from_secs(1))).as_secs(), 8);
    }

    #[test]
    fn no_wait_is_longer_than_a_day_whatever_is_asked_for() {
        assert_eq!(Backoff::Doubling.wait(&id(), u32::MAX, None), MAX_WAIT);
        assert_eq!(Backoff::Doubling.wait(&id(), 1, Some(Duration::MAX)), MAX_WAIT);
        assert_eq!(Backoff::StandardWebhooks.wait(&id(), 99, None), MAX_WAIT);
    }

    #[test]
    fn webhooks_follow_the_standards_schedule_and_no_two_come_back_together() {
        let waits: BTreeSet<Duration> = (0..100)
            .map(|n| Backoff::StandardWebhooks.wait(&JobId::parse(format!("job-{n}")).unwrap(), 2, None))
            .collect();
        assert!(waits.iter().all(|wait| (300..=330).contains(&wait.as_secs())), "{waits:?}");
        assert!(waits.len() > 80, "{waits:?}");
        let first = Backoff::StandardWebhooks.wait(&id(), 1, None);
        assert!(first == Backoff::StandardWebhooks.wait(&id(), 1, None) && first.as_millis() <= 5_500);
    }
}

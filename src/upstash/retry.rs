//! When a call is sent again, and how long is waited before.

use std::time::Duration;

use tokio::time::Instant;

use super::UpstashError;

/// Times a call is sent at most. Chosen: a lost connection and a lost reply in one call are both survived.
const MAX_TRIES: u32 = 3;

/// Wait before the second try, doubled before the third. Chosen: a restarted proxy answers again in that time.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Waits and returns true where `error` may pass and the call is safe to send again before `deadline`.
///
/// All calls of this library are safe to repeat, so a lost answer is one reason to do so.
pub(super) async fn again(error: &UpstashError, tries: u32, deadline: Instant) -> bool {
    let retry_after = match error {
        UpstashError::Refused(_) => return false,
        UpstashError::Throttled { retry_after, .. } => retry_after.unwrap_or_default(),
        UpstashError::NotSent(_) | UpstashError::Unknown(_) => Duration::ZERO,
    };
    let wait = jittered(FIRST_WAIT * 2_u32.pow(tries.saturating_sub(1))).max(retry_after);
    if tries >= MAX_TRIES || Instant::now() + wait >= deadline {
        return false;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a tenth of a second between two tries costs less than a failed request"
    )]
    tokio::time::sleep(wait).await;
    true
}

/// Spreads a wait over its upper half, so that functions that failed together do not come back together.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or_default() % 1_000;
    wait / 2 + wait / 2 * random / 1_000
}

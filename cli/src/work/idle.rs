//! How long is waited between two looks, and after a failed one.

use std::time::Duration;

use holdfast::edge::Dice;

/// Wait after the first call that failed, doubled up to the longest. Chosen: a restarted Redis is found again within a second or two.
const FAILED_FIRST: Duration = Duration::from_secs(1);

/// The longest such wait. Chosen: half a minute is seldom noticed after an outage, and a hundred workers do not press a server that starts.
const FAILED_MOST: Duration = Duration::from_secs(30);

/// Waits that grow while nothing is found.
#[derive(Debug)]
pub(super) struct Idle {
    least: Duration,
    most: Duration,
    next: Duration,
    failed_next: Duration,
}

impl Idle {
    pub(super) fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, next: least, failed_next: FAILED_FIRST }
    }

    /// Something was found: the next wait is the shortest.
    pub(super) fn found(&mut self) {
        (self.next, self.failed_next) = (self.least, FAILED_FIRST);
    }

    /// Nothing was found.
    pub(super) fn nothing(&mut self) -> Duration {
        self.failed_next = FAILED_FIRST;
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        spread(wait)
    }

    /// Redis did not answer.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.failed_next;
        self.failed_next = (wait * 2).min(FAILED_MOST);
        spread(wait)
    }
}

/// Spreads a wait by a tenth to both sides, so that workers that began together do not look together.
fn spread(wait: Duration) -> Duration {
    let [byte] = Dice::Real.bytes::<1>();
    wait * 9 / 10 + wait / 5 * u32::from(byte) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_once_something_is_found() {
        let near = |wait: Duration, middle_ms: u64| {
            let middle = Duration::from_millis(middle_ms);
            assert!((middle * 9 / 10..=middle * 11 / 10).contains(&wait), "{wait:?} is not near {middle:?}");
        };
        let mut idle = Idle::new(Duration::from_secs(1), Duration::from_secs(5));
        for middle_ms in [1_000, 2_000, 4_000, 5_000, 5_000] {
            near(idle.nothing(), middle_ms);
        }
        idle.found();
        near(idle.nothing(), 1_000);
        for middle_ms in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            near(idle.failed(), middle_ms);
        }
        idle.nothing();
        near(idle.failed(), 1_000);
    }
}

//! The time box: until when a processor may work.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::limits::{LEASE_MARGIN, MIN_ROUND, SETTLE_MARGIN};
use crate::domain::millis::Millis;

/// Time kept between the end of the box and the platform's limit, for the answer and the log. Chosen: with the settle
/// margin inside the box, a last call to Upstash that needs all its tries still fits.
const PLATFORM_MARGIN: Duration = Duration::from_secs(5);

/// The time one processor run may take.
#[derive(Clone, Copy, Debug)]
pub struct TimeBox {
    started: Instant,
    ends: Instant,
}

impl TimeBox {
    /// Opens a box of `length` from now.
    pub fn of(length: Duration) -> Self {
        let started = Instant::now();
        Self { started, ends: started + length }
    }

    /// Opens a box that ends with a margin before the platform's `deadline`, and after `length` at the latest.
    ///
    /// A deadline that has passed is not one: a local runner sends a constant.
    pub fn before(deadline: Option<Millis>, now: Millis, length: Duration) -> Self {
        let left = deadline.map(|deadline| deadline.since(now)).filter(|left| !left.is_zero());
        Self::of(left.map_or(length, |left| left.saturating_sub(PLATFORM_MARGIN).min(length)))
    }

    /// Returns how long the box has been open.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns until when handlers may run. What comes after is kept for settling: three seconds, or a fifth of a short box.
    pub fn work_ends(&self) -> Instant {
        let length = self.ends.saturating_duration_since(self.started);
        self.ends.checked_sub(SETTLE_MARGIN.min(length / 5)).unwrap_or(self.ends)
    }

    /// Tells whether another claim is worth its call.
    pub fn has_room(&self) -> bool {
        let length = self.ends.saturating_duration_since(self.started);
        self.work_ends().saturating_duration_since(Instant::now()) >= MIN_ROUND.min(length / 5)
    }

    /// Returns how long a job claimed now must be held so that this processor is not robbed while it works.
    pub fn lease(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now()) + LEASE_MARGIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(deadline: Option<i64>) -> u64 {
        let time_box = TimeBox::before(deadline.map(Millis), Millis(1_000_000), Duration::from_secs(50));
        time_box.ends.duration_since(time_box.started).as_secs()
    }

    #[test]
    fn the_platforms_deadline_ends_the_box_with_a_margin() {
        assert_eq!(length(Some(1_030_000)), 25);
        assert_eq!(length(Some(1_900_000)), 50);
        assert_eq!(length(Some(1_001_000)), 0);
    }

    #[test]
    fn a_deadline_in_the_past_is_unknown() {
        assert_eq!(length(Some(999_999)), 50);
        assert_eq!(length(None), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_box_is_kept_for_settling() {
        let time_box = TimeBox::of(Duration::from_secs(50));
        assert_eq!(time_box.work_ends() - time_box.started, Duration::from_secs(47));
        assert_eq!(time_box.lease(), Duration::from_mins(1));
        tokio::time::advance(Duration::from_millis(46_001)).await;
        assert!(!time_box.has_room());
        let short = TimeBox::of(Duration::from_millis(500));
        assert_eq!(short.work_ends() - short.started, Duration::from_millis(400));
        assert!(short.has_room());
    }
}

//! The time box: until when a processor may work.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::limits::{HANDLER_TIMEOUT, LEASE_MARGIN, MIN_ROUND, SETTLE_MARGIN};
use crate::domain::millis::Millis;

/// Time kept between the end of the box and the platform's limit, for the answer and the log. Chosen: a claim that is begun as late as it
/// may be, and the call that gives back what it took, take ten seconds with all their tries; four of these are in the box, one is left.
const PLATFORM_MARGIN: Duration = Duration::from_secs(7);

/// The time one processor run may take.
#[derive(Clone, Copy, Debug)]
pub struct TimeBox {
    started: Instant,
    /// Until when handlers may be begun; they may run until the work ends.
    begins_until: Instant,
    ends: Instant,
}

impl TimeBox {
    /// Opens a box of `length` from now.
    pub fn of(length: Duration) -> Self {
        let started = Instant::now();
        let ends = started + length;
        Self { started, begins_until: work_ends(started, ends), ends }
    }

    /// Opens a box that begins handlers for `length`, and is long enough for the last of them to end: for a processor that no platform
    /// stops, so that none of its handlers is cancelled for the sake of the box.
    pub fn to_the_last_handler(length: Duration) -> Self {
        let started = Instant::now();
        let begins_until = started + length;
        Self { started, begins_until, ends: begins_until + HANDLER_TIMEOUT + SETTLE_MARGIN + SETTLE_MARGIN }
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
        work_ends(self.started, self.ends)
    }

    /// Tells whether another handler may be begun.
    pub fn may_begin(&self) -> bool {
        Instant::now() < self.begins_until
    }

    /// Tells whether another claim is worth its call.
    pub fn has_room(&self) -> bool {
        let length = self.ends.saturating_duration_since(self.started);
        self.begins_until.saturating_duration_since(Instant::now()) >= MIN_ROUND.min(length / 5)
    }

    /// Returns how long a job claimed now must be held so that this processor is not robbed while it works.
    pub fn lease(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now()) + LEASE_MARGIN
    }
}

fn work_ends(started: Instant, ends: Instant) -> Instant {
    let length = ends.saturating_duration_since(started);
    ends.checked_sub(SETTLE_MARGIN.min(length / 5)).unwrap_or(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstash::Patience;

    fn length(deadline: Option<i64>) -> u64 {
        let time_box = TimeBox::before(deadline.map(Millis), Millis(1_000_000), Duration::from_secs(50));
        time_box.ends.duration_since(time_box.started).as_secs()
    }

    #[test]
    fn the_platforms_deadline_ends_the_box_with_a_margin() {
        assert_eq!(length(Some(1_030_000)), 23);
        assert_eq!(length(Some(1_900_000)), 50);
        assert_eq!(length(Some(1_001_000)), 0);
    }

    #[test]
    fn the_margin_holds_the_last_calls_with_all_their_tries() {
        let settle_and_claim_then_settle = Patience::SETTLE.total * 2;
        assert!(settle_and_claim_then_settle < MIN_ROUND + SETTLE_MARGIN + PLATFORM_MARGIN);
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

    #[tokio::test(start_paused = true)]
    async fn a_resident_box_lets_the_last_handler_end() {
        let time_box = TimeBox::to_the_last_handler(Duration::from_secs(20));
        tokio::time::advance(Duration::from_millis(19_999)).await;
        assert!(time_box.may_begin() && !time_box.has_room());
        let last_ends = Instant::now() + HANDLER_TIMEOUT;
        assert!(last_ends < time_box.work_ends() && last_ends < Instant::now() + time_box.lease());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!time_box.may_begin());
    }
}

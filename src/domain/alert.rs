//! What wakes someone: too many dead letters, or a job that has been due for too long.

use std::time::Duration;

/// A thing to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// There are too many dead letters.
    DeadLetters,
    /// A job has been due for too long.
    OldestDue,
}

/// From where on it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// More dead letters than this.
    pub dead_letters: u64,
    /// A job that has been due for longer than this.
    pub oldest_due: Duration,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Dead letters.
    pub dead_letters: u64,
    /// How long the oldest due job has been so.
    pub oldest_due: Duration,
}

impl Alert {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::DeadLetters, Self::OldestDue];

    /// Returns the name, as in Redis and in webhooks.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadLetters => "dead_letters",
            Self::OldestDue => "oldest_due",
        }
    }

    /// Says in a sentence what was seen.
    pub fn describe(self, seen: &Seen, limits: &Limits) -> String {
        match self {
            Self::DeadLetters => format!("{} dead letters; the limit is {}", seen.dead_letters, limits.dead_letters),
            Self::OldestDue => {
                let (seconds, limit) = (seen.oldest_due.as_secs(), limits.oldest_due.as_secs());
                format!("the oldest due job has been waiting for {seconds} s; the limit is {limit} s")
            }
        }
    }
}

impl Limits {
    /// Tells whether what was seen is past the limit.
    pub fn passed(&self, alert: Alert, seen: &Seen) -> bool {
        match alert {
            Alert::DeadLetters => seen.dead_letters > self.dead_letters,
            Alert::OldestDue => seen.oldest_due > self.oldest_due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_not_past_it() {
        let limits = Limits { dead_letters: 10, oldest_due: Duration::from_mins(5) };
        let seen = |dead_letters, seconds| Seen { dead_letters, oldest_due: Duration::from_secs(seconds) };
        assert!(!limits.passed(Alert::DeadLetters, &seen(10, 0)) && limits.passed(Alert::DeadLetters, &seen(11, 0)));
        assert!(!limits.passed(Alert::OldestDue, &seen(0, 300)) && limits.passed(Alert::OldestDue, &seen(0, 301)));
        assert_eq!(Alert::DeadLetters.describe(&seen(11, 0), &limits), "11 dead letters; the limit is 10");
    }
}

//! What operators decide about types: pause, limits, recovery; and the texts by which scripts know it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::JobType;

/// Most jobs in a rate's period. Chosen: the script counts a log of as many entries, well under a millisecond.
pub const MAX_RATE_JOBS: u32 = 1_000;

/// Longest period of a rate. Chosen: a day; what is slower is a job for a calendar.
pub const MAX_RATE_PERIOD: Duration = Duration::from_hours(24);

/// Most jobs of a type held at once. Chosen: beyond it the limit limits nothing.
pub const MAX_CONCURRENCY: u32 = 10_000;

/// At most so many jobs in any period of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The jobs, 1 to [`MAX_RATE_JOBS`].
    pub jobs: u32,
    /// The period's length, 1 ms to [`MAX_RATE_PERIOD`].
    pub period: Duration,
}

/// Which types a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every type.
    All,
    /// One type.
    Type(JobType),
}

/// What an operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whether jobs are left unclaimed.
    Paused(Scope, bool),
    /// Jobs claimed in a period; none is no limit.
    Rate(JobType, Option<Rate>),
    /// Jobs held at once; none is no limit.
    Concurrency(JobType, Option<u32>),
    /// Whether dead letters come back by themselves.
    Recovery(Scope, bool),
}

/// All that is set of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeRules {
    /// Whether its jobs are left unclaimed.
    pub paused: bool,
    /// Jobs claimed in a period.
    pub rate: Option<Rate>,
    /// Jobs held at once.
    pub concurrency: Option<u32>,
    /// Whether its dead letters stay dead.
    pub recovery_off: bool,
}

/// All that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether every type is paused.
    pub paused: bool,
    /// Whether no dead letter comes back by itself.
    pub recovery_off: bool,
    /// What is set of a type; types without are left out.
    pub types: BTreeMap<JobType, TypeRules>,
}

impl Rate {
    /// Makes a rate whose numbers are in their range.
    pub fn new(jobs: u32, period: Duration) -> Option<Self> {
        let fits =
            (1..=MAX_RATE_JOBS).contains(&jobs) && (Duration::from_millis(1)..=MAX_RATE_PERIOD).contains(&period);
        fits.then_some(Self { jobs, period })
    }
}

impl Rule {
    /// Returns the field and its value; an empty value removes the field.
    pub fn field(self) -> (String, String) {
        let on = |on: bool, text: &str| if on { text.to_owned() } else { String::new() };
        match self {
            Self::Paused(scope, paused) => (format!("pause:{}", scope.as_str()), on(paused, "1")),
            Self::Recovery(scope, recovers) => (format!("recovery:{}", scope.as_str()), on(!recovers, "off")),
            Self::Rate(job_type, rate) => {
                let value = rate.map(|rate| format!("{} {}", rate.jobs, rate.period.as_millis()));
                (format!("rate:{job_type}"), value.unwrap_or_default())
            }
            Self::Concurrency(job_type, jobs) => {
                (format!("concurrency:{job_type}"), jobs.map(|jobs| jobs.to_string()).unwrap_or_default())
            }
        }
    }
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::Type(job_type) => job_type.as_str(),
        }
    }
}

impl Rules {
    /// Reads what is set. A field of another version is passed over.
    pub fn of_fields(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut rules = Self::default();
        for (field, value) in fields {
            match (field.as_str(), field.split_once(':').and_then(|(name, of)| Some((name, of.parse().ok()?)))) {
                ("pause:*", _) => rules.paused = true,
                ("recovery:*", _) => rules.recovery_off = true,
                (_, Some((name, job_type))) => rules.types.entry(job_type).or_default().set(name, &value),
                _ => {}
            }
        }
        rules
    }

    /// Tells whether dead letters of the type come back by themselves.
    pub fn recovers(&self, job_type: JobType) -> bool {
        !self.recovery_off && !self.types.get(&job_type).is_some_and(|rules| rules.recovery_off)
    }
}

impl TypeRules {
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "pause" => self.paused = true,
            "recovery" => self.recovery_off = true,
            "concurrency" => self.concurrency = value.parse().ok(),
            "rate" => {
                self.rate = value.split_once(' ').and_then(|(jobs, period_ms)| {
                    Rate::new(jobs.parse().ok()?, Duration::from_millis(period_ms.parse().ok()?))
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_back() {
        let job_type = JobType::SendRefundEmail;
        let rate = Rate::new(10, Duration::from_secs(1));
        let rules = [
            Rule::Paused(Scope::All, true),
            Rule::Paused(Scope::Type(job_type), true),
            Rule::Rate(job_type, rate),
            Rule::Concurrency(job_type, Some(4)),
            Rule::Recovery(Scope::Type(job_type), false),
        ];
        let read = Rules::of_fields(rules.map(Rule::field));
        let expected = TypeRules { paused: true, rate, concurrency: Some(4), recovery_off: true };
        assert_eq!((read.paused, read.recovery_off, read.types[&job_type]), (true, false, expected));
        assert!(!read.recovers(job_type) && read.recovers(JobType::SendReleaseEmail));
        assert_eq!(Rule::Paused(Scope::All, false).field(), ("pause:*".to_owned(), String::new()));
    }

    #[test]
    fn a_rate_of_nothing_or_without_end_is_none() {
        assert_eq!(Rate::new(0, Duration::from_secs(1)), None);
        assert_eq!(Rate::new(1, Duration::ZERO), None);
        assert_eq!(Rate::new(MAX_RATE_JOBS + 1, Duration::from_secs(1)), None);
        assert_eq!(Rate::new(1, Duration::MAX), None);
    }
}

//! Which request meets which fault.

use std::fmt;

use super::Fault;

/// When a fault is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// At the n-th request from when it was asked for.
    At { left: u64 },
    /// At the n-th, and from then on every request is refused.
    CrashAt { left: u64 },
    /// Once, at the next request that contains the text.
    Next { containing: Option<String> },
    /// At every n-th request.
    Every { n: u64, count: u64 },
    /// At every request.
    Always,
}

/// The faults to come, in the order they were asked for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<(When, Fault)>,
}

impl Plan {
    pub(super) fn add(&mut self, when: When, fault: Fault) {
        self.rules.push((when, fault));
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn rules(&self) -> &[(When, Fault)] {
        &self.rules
    }

    /// Counts a request in every rule, and takes the most particular fault that is due.
    pub(super) fn strike(&mut self, path: &str, body: &[u8]) -> Option<Fault> {
        let mut due: Option<(u8, usize)> = None;
        for (index, (when, _)) in self.rules.iter_mut().enumerate() {
            if let Some(rank) = when.due(path, body)
                && due.is_none_or(|(best, _)| rank < best)
            {
                due = Some((rank, index));
            }
        }
        let fault = due.map(|(_, index)| self.take(index));
        self.rules.retain(|(when, _)| !matches!(when, When::At { left: 0 }));
        fault
    }

    /// The fault of a rule that is due; a rule of one use goes with it.
    fn take(&mut self, index: usize) -> Fault {
        let (when, fault) = &mut self.rules[index];
        let met = *fault;
        match when {
            When::Next { .. } => {
                self.rules.remove(index);
            }
            When::CrashAt { .. } => *fault = Fault::Refused,
            When::At { .. } | When::Every { .. } | When::Always => {}
        }
        met
    }
}

impl When {
    /// Counts a request; if the fault is due at it, says how particular it is (0 is the most).
    fn due(&mut self, path: &str, body: &[u8]) -> Option<u8> {
        match self {
            When::At { left } | When::CrashAt { left } => {
                *left = left.saturating_sub(1);
                (*left == 0).then_some(0)
            }
            When::Next { containing: None } => Some(1),
            When::Next { containing: Some(text) } => {
                (contains(body, text) || path.contains(text.as_str())).then_some(1)
            }
            When::Every { n, count } => {
                *count += 1;
                count.is_multiple_of(*n).then_some(2)
            }
            When::Always => Some(3),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::At { left } => write!(formatter, "at call {left} from now"),
            When::CrashAt { left: 0 } => write!(formatter, "at every call since the crash"),
            When::CrashAt { left } => write!(formatter, "at call {left} from now, and from then on refused"),
            When::Next { containing: None } => write!(formatter, "at the next call"),
            When::Next { containing: Some(text) } => write!(formatter, "at the next call that contains {text:?}"),
            When::Every { n, .. } => write!(formatter, "at every call number {n}"),
            When::Always => write!(formatter, "at every call"),
        }
    }
}

fn contains(body: &[u8], text: &str) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Fault = Fault::Refused;
    const B: Fault = Fault::ReplyLost;

    fn struck(plan: &mut Plan, bodies: &[&str]) -> Vec<Option<Fault>> {
        bodies.iter().map(|body| plan.strike("/", body.as_bytes())).collect()
    }

    fn plan(rules: impl IntoIterator<Item = (When, Fault)>) -> Plan {
        Plan { rules: rules.into_iter().collect() }
    }

    #[test]
    fn queued_faults_come_once_and_in_order() {
        let mut plan = plan([(When::Next { containing: None }, A), (When::Next { containing: None }, B)]);

        assert_eq!(struck(&mut plan, &["", "", ""]), [Some(A), Some(B), None]);
        assert!(plan.is_empty());
    }

    #[test]
    fn a_matching_fault_waits_for_its_text() {
        let mut plan = plan([(When::Next { containing: Some("EVALSHA".to_owned()) }, A)]);

        assert_eq!(struck(&mut plan, &["GET", "[\"EVALSHA\"", "EVALSHA"]), [None, Some(A), None]);
    }

    #[test]
    fn a_numbered_fault_comes_at_its_call_alone() {
        let mut plan = plan([(When::At { left: 2 }, A)]);

        assert_eq!(struck(&mut plan, &["", "", ""]), [None, Some(A), None]);
        assert!(plan.is_empty());
    }

    #[test]
    fn after_a_crash_every_request_is_refused() {
        let mut plan = plan([(When::CrashAt { left: 2 }, B)]);

        assert_eq!(struck(&mut plan, &["", "", "", ""]), [None, Some(B), Some(A), Some(A)]);
    }

    #[test]
    fn the_most_particular_fault_is_met_and_the_others_wait_or_count_on() {
        let mut plan = plan([
            (When::Always, Fault::Status(500)),
            (When::Every { n: 2, count: 0 }, Fault::Status(429)),
            (When::Next { containing: None }, A),
            (When::At { left: 1 }, B),
        ]);

        assert_eq!(
            struck(&mut plan, &["", "", "", ""]),
            [Some(B), Some(A), Some(Fault::Status(500)), Some(Fault::Status(429))]
        );
    }
}

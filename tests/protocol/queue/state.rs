//! Redis' side, and what each processor knows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Claim, Job, MAX_ATTEMPTS, PROCESSORS};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Held; whether the lease's end is past.
    Lease { lapsed: bool },
    /// Waits for its next attempt; its time comes whenever somebody looks.
    Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    Completed,
    Dead,
}

/// A job as its processor holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) job: Job,
    pub(super) claim: Claim,
    pub(super) attempt: u8,
    /// Whether the lease ran out; the processor's own clock tells it.
    pub(super) lapsed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    Complete,
    Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Processor {
    Idle,
    /// The reply to its claim was lost.
    Claiming(Claim),
    Running(Held),
    Ran(Held),
    /// The reply to its settlement was lost.
    Settling(Held, Verdict),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) enqueued: Vec<Enqueue>,
    pub(super) queue: Vec<Job>,
    pub(super) timers: BTreeMap<Job, Timer>,
    pub(super) attempts: BTreeMap<Job, (u8, Option<Claim>)>,
    /// What a claim took, once it is remembered.
    pub(super) taken: BTreeMap<Claim, Option<Job>>,
    /// First requests of claims that their processors gave up and that are still under way.
    pub(super) late: BTreeSet<Claim>,
    pub(super) ended: BTreeMap<Job, End>,
    pub(super) processors: [Processor; PROCESSORS],
    pub(super) crashes_left: u8,
    pub(super) losses_left: u8,
    pub(super) lapses_left: u8,
    pub(super) late_left: u8,
    /// Runs and completions so far: nobody in the protocol knows these.
    pub(super) runs: BTreeMap<Job, u8>,
    pub(super) completions: BTreeMap<Job, u8>,
}

/// How far a producer is with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Enqueue {
    NotYet,
    ReplyLost,
    Done,
}

impl State {
    /// Due jobs, and jobs whose lease lapsed, go to the end of the queue.
    pub(super) fn sweep(&mut self, change: Change) {
        let is_due = |timer: &Timer| match timer {
            Timer::Lease { lapsed } => *lapsed || change == Change::LeaseIgnored,
            Timer::Due => true,
        };
        let due: Vec<Job> = self.timers.iter().filter(|(_, timer)| is_due(timer)).map(|(job, _)| *job).collect();
        for job in due {
            let timer = self.timers.remove(&job);
            if let Some((begun, holder)) = self.attempts.get_mut(&job) {
                *holder = None;
                if change == Change::CrashCostsNothing && timer != Some(Timer::Due) {
                    *begun -= 1;
                }
            }
            self.queue.push(job);
        }
    }

    /// `again` is said by a processor that heard nothing of an earlier request of the claim.
    pub(super) fn claim(&mut self, claim: Claim, again: bool, change: Change) -> Option<Held> {
        if again && change != Change::ClaimForgotten {
            if let Some(taken) = self.taken.get(&claim) {
                let job = (*taken)?;
                let (attempt, holder) = *self.attempts.get(&job)?;
                // The lease runs from the first call: a processor reckons from when it began, not from when it heard.
                let lapsed = self.timers.get(&job) == Some(&Timer::Lease { lapsed: true });
                return (holder == Some(claim)).then_some(Held { job, claim, attempt, lapsed });
            }
            if change != Change::NothingForgotten {
                self.taken.insert(claim, None);
            }
        }
        self.sweep(change);
        let is_late = !again && change != Change::LateClaimTakes && self.taken.contains_key(&claim);
        if self.queue.is_empty() || is_late {
            return None;
        }
        let job = self.queue.remove(0);
        let begun = self.attempts.entry(job).or_insert((0, None));
        *begun = (begun.0 + 1, Some(claim));
        let attempt = begun.0;
        if change != Change::NoLease {
            self.timers.insert(job, Timer::Lease { lapsed: false });
        }
        self.taken.insert(claim, Some(job));
        Some(Held { job, claim, attempt, lapsed: false })
    }

    pub(super) fn settle(&mut self, held: Held, verdict: Verdict, change: Change) {
        let holds = self.attempts.get(&held.job) == Some(&(held.attempt, Some(held.claim)));
        if !holds && change != Change::NoFence {
            return;
        }
        self.timers.remove(&held.job);
        if verdict == Verdict::Retry && held.attempt < MAX_ATTEMPTS {
            self.attempts.insert(held.job, (held.attempt, None));
            self.timers.insert(held.job, Timer::Due);
            return;
        }
        self.attempts.remove(&held.job);
        let end = if verdict == Verdict::Complete { End::Completed } else { End::Dead };
        self.ended.insert(held.job, end);
        if end == End::Completed {
            *self.completions.entry(held.job).or_default() += 1;
        }
    }

    /// A name that nobody remembers. Real ones are random; here the fewer there are, the fewer states differ in nothing but names.
    pub(super) fn unused_claim(&self) -> Claim {
        let held = self.attempts.values().filter_map(|(_, holder)| *holder);
        let by_processors = self.processors.iter().filter_map(|processor| match processor {
            Processor::Claiming(claim) => Some(*claim),
            Processor::Running(held) | Processor::Ran(held) | Processor::Settling(held, _) => Some(held.claim),
            Processor::Idle => None,
        });
        let used: Vec<Claim> = held.chain(by_processors).chain(self.late.iter().copied()).collect();
        (0..=Claim::MAX).find(|claim| !used.contains(claim)).unwrap()
    }

    /// What a claim took is only asked for again by who did not hear of it, or by a request of its own that is late.
    pub(super) fn forget_claims_that_were_heard_of(&mut self) {
        let processors = self.processors;
        let late = &self.late;
        self.taken.retain(|claim, _| processors.contains(&Processor::Claiming(*claim)) || late.contains(claim));
    }

    /// Whether a claim would find something.
    pub(super) fn has_work(&self, change: Change) -> bool {
        let mut swept = self.clone();
        swept.sweep(change);
        !swept.queue.is_empty()
    }

    /// In how many places a job waits or is held.
    pub(super) fn places(&self, job: Job) -> usize {
        let queued: usize = self.queue.iter().map(|queued| usize::from(*queued == job)).sum();
        queued + usize::from(self.timers.contains_key(&job)) + usize::from(self.ended.contains_key(&job))
    }
}

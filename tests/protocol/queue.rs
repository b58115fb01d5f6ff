//! The queue: claim, run, settle; leases that lapse, processors that die, replies that are lost.
//!
//! The server's side has the structures of the scripts: the ready list, the timers, the attempts begun with the claim that holds the job.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Checker, HasDiscoveries, Model, Property};

type Job = u8;
type Claim = u8;

const JOBS: u8 = 2;
const PROCESSORS: usize = 2;
const MAX_ATTEMPTS: u8 = 2;

/// What is left out or done otherwise than the scripts do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// As it is.
    Nothing,
    /// A claim pops the job and sets no lease, as the seed design did.
    NoLease,
    /// A sweep takes back leases that still run.
    LeaseIgnored,
    /// Who settles need not hold the claim.
    NoFence,
    /// A lapsed lease gives the attempt back.
    CrashCostsNothing,
    /// A claim repeated after a lost reply is taken for a new one under the same name.
    ClaimForgotten,
    /// An enqueue repeated after a lost reply pushes the id again.
    EnqueuePushesAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Timer {
    /// Held; whether the lease's end is past.
    Lease { lapsed: bool },
    /// Waits for its next attempt; its time comes whenever somebody looks.
    Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    Completed,
    Dead,
}

/// A job as its processor holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Held {
    job: Job,
    claim: Claim,
    attempt: u8,
    /// Whether the lease ran out; the processor's own clock tells it.
    lapsed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Verdict {
    Complete,
    Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Processor {
    Idle,
    /// The reply to its claim was lost.
    Claiming(Claim),
    Running(Held),
    Ran(Held),
    /// The reply to its settlement was lost.
    Settling(Held, Verdict),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    enqueued: Vec<Enqueue>,
    queue: Vec<Job>,
    timers: BTreeMap<Job, Timer>,
    attempts: BTreeMap<Job, (u8, Option<Claim>)>,
    taken: BTreeMap<Claim, Job>,
    ended: BTreeMap<Job, End>,
    processors: [Processor; PROCESSORS],
    crashes_left: u8,
    losses_left: u8,
    lapses_left: u8,
    /// Runs and completions so far: nobody in the protocol knows these.
    runs: BTreeMap<Job, u8>,
    completions: BTreeMap<Job, u8>,
}

/// How far a producer is with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Enqueue {
    NotYet,
    ReplyLost,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Enqueue { job: Job, lost: bool },
    Claim { by: usize, lost: bool },
    Run { by: usize },
    Settle { by: usize, verdict: Verdict, lost: bool },
    Lapse { job: Job },
    Crash { by: usize },
}

struct Queue {
    change: Change,
    crashes: u8,
    losses: u8,
    lapses: u8,
}

impl State {
    /// Due jobs, and jobs whose lease lapsed, go to the end of the queue.
    fn sweep(&mut self, change: Change) {
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

    fn claim(&mut self, claim: Claim, change: Change) -> Option<Held> {
        if change != Change::ClaimForgotten
            && let Some(job) = self.taken.get(&claim)
        {
            let (attempt, holder) = *self.attempts.get(job)?;
            // The lease runs from the first call: a processor reckons from when it began, not from when it heard.
            let lapsed = self.timers.get(job) == Some(&Timer::Lease { lapsed: true });
            return (holder == Some(claim)).then_some(Held { job: *job, claim, attempt, lapsed });
        }
        self.sweep(change);
        if self.queue.is_empty() {
            return None;
        }
        let job = self.queue.remove(0);
        let begun = self.attempts.entry(job).or_insert((0, None));
        *begun = (begun.0 + 1, Some(claim));
        let attempt = begun.0;
        if change != Change::NoLease {
            self.timers.insert(job, Timer::Lease { lapsed: false });
        }
        self.taken.insert(claim, job);
        Some(Held { job, claim, attempt, lapsed: false })
    }

    fn settle(&mut self, held: Held, verdict: Verdict, change: Change) {
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
    fn unused_claim(&self) -> Claim {
        let held = self.attempts.values().filter_map(|(_, holder)| *holder);
        let by_processors = self.processors.iter().filter_map(|processor| match processor {
            Processor::Claiming(claim) => Some(*claim),
            Processor::Running(held) | Processor::Ran(held) | Processor::Settling(held, _) => Some(held.claim),
            Processor::Idle => None,
        });
        let used: Vec<Claim> = held.chain(by_processors).collect();
        (0..=Claim::MAX).find(|claim| !used.contains(claim)).unwrap()
    }

    /// What a claim took is only asked for again by who did not hear of it.
    fn forget_claims_that_were_heard_of(&mut self) {
        let processors = self.processors;
        self.taken.retain(|claim, _| processors.contains(&Processor::Claiming(*claim)));
    }

    /// Whether a claim would find something.
    fn has_work(&self, change: Change) -> bool {
        let mut swept = self.clone();
        swept.sweep(change);
        !swept.queue.is_empty()
    }

    /// In how many places a job waits or is held.
    fn places(&self, job: Job) -> usize {
        let queued: usize = self.queue.iter().map(|queued| usize::from(*queued == job)).sum();
        queued + usize::from(self.timers.contains_key(&job)) + usize::from(self.ended.contains_key(&job))
    }
}

impl Model for Queue {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            enqueued: vec![Enqueue::NotYet; JOBS.into()],
            queue: Vec::new(),
            timers: BTreeMap::new(),
            attempts: BTreeMap::new(),
            taken: BTreeMap::new(),
            ended: BTreeMap::new(),
            processors: [Processor::Idle; PROCESSORS],
            crashes_left: self.crashes,
            losses_left: self.losses,
            lapses_left: self.lapses,
            runs: BTreeMap::new(),
            completions: BTreeMap::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let losses: &[bool] = if state.losses_left > 0 { &[false, true] } else { &[false] };
        for (job, _) in (0..).zip(&state.enqueued).filter(|(_, enqueue)| **enqueue != Enqueue::Done) {
            actions.extend(losses.iter().map(|lost| Action::Enqueue { job, lost: *lost }));
        }
        for (by, processor) in state.processors.iter().enumerate() {
            if state.crashes_left > 0 && *processor != Processor::Idle {
                actions.push(Action::Crash { by });
            }
            match processor {
                Processor::Idle if !state.has_work(self.change) => {}
                Processor::Idle | Processor::Claiming(_) => {
                    actions.extend(losses.iter().map(|lost| Action::Claim { by, lost: *lost }));
                }
                // One attempt too many was begun by processors that died: it is buried and not run.
                Processor::Running(held) if held.attempt > MAX_ATTEMPTS => {
                    actions.extend(losses.iter().map(|lost| Action::Settle {
                        by,
                        verdict: Verdict::Retry,
                        lost: *lost,
                    }));
                }
                Processor::Running(_) => actions.push(Action::Run { by }),
                Processor::Ran(_) => {
                    for verdict in [Verdict::Complete, Verdict::Retry] {
                        actions.extend(losses.iter().map(|lost| Action::Settle { by, verdict, lost: *lost }));
                    }
                }
                Processor::Settling(_, verdict) => {
                    actions.extend(losses.iter().map(|lost| Action::Settle { by, verdict: *verdict, lost: *lost }));
                }
            }
        }
        // Time runs out for a lease whether its processor lives or not. Where nobody is left to settle, it does so in any case.
        for (job, timer) in &state.timers {
            let is_orphan = |job: &Job| {
                let holder = state.attempts.get(job).and_then(|(_, holder)| *holder);
                !state.processors.iter().any(|processor| match processor {
                    Processor::Running(held) | Processor::Ran(held) | Processor::Settling(held, _) => {
                        Some(held.claim) == holder
                    }
                    Processor::Claiming(claim) => Some(*claim) == holder,
                    Processor::Idle => false,
                })
            };
            if *timer == (Timer::Lease { lapsed: false }) && (state.lapses_left > 0 || is_orphan(job)) {
                actions.push(Action::Lapse { job: *job });
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        let lost = |state: &mut State, lost: bool| state.losses_left -= u8::from(lost);
        match action {
            Action::Enqueue { job, lost: is_lost } => {
                lost(&mut state, is_lost);
                let again = state.enqueued[usize::from(job)] == Enqueue::ReplyLost;
                if !again || self.change == Change::EnqueuePushesAgain {
                    state.queue.push(job);
                }
                state.enqueued[usize::from(job)] = if is_lost { Enqueue::ReplyLost } else { Enqueue::Done };
            }
            Action::Claim { by, lost: is_lost } => {
                lost(&mut state, is_lost);
                let claim = match state.processors[by] {
                    Processor::Claiming(claim) => claim,
                    _ => state.unused_claim(),
                };
                let held = state.claim(claim, self.change);
                state.processors[by] = match held {
                    _ if is_lost => Processor::Claiming(claim),
                    Some(held) => Processor::Running(held),
                    None => Processor::Idle,
                };
            }
            Action::Run { by } => {
                let Processor::Running(held) = state.processors[by] else { return None };
                *state.runs.entry(held.job).or_default() += 1;
                state.processors[by] = Processor::Ran(held);
            }
            Action::Settle { by, verdict, lost: is_lost } => {
                lost(&mut state, is_lost);
                let (Processor::Running(held) | Processor::Ran(held) | Processor::Settling(held, _)) =
                    state.processors[by]
                else {
                    return None;
                };
                state.settle(held, verdict, self.change);
                state.processors[by] = if is_lost { Processor::Settling(held, verdict) } else { Processor::Idle };
            }
            Action::Lapse { job } => {
                state.timers.insert(job, Timer::Lease { lapsed: true });
                state.lapses_left = state.lapses_left.saturating_sub(1);
                let holder = state.attempts.get(&job).and_then(|(_, holder)| *holder);
                for processor in &mut state.processors {
                    if let Processor::Running(held) | Processor::Ran(held) | Processor::Settling(held, _) = processor
                        && Some(held.claim) == holder
                    {
                        held.lapsed = true;
                    }
                }
            }
            Action::Crash { by } => {
                state.crashes_left -= 1;
                state.processors[by] = Processor::Idle;
            }
        }
        state.forget_claims_that_were_heard_of();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a job is in one place: nothing is lost, nothing is there twice", |_, state: &State| {
                let begun = |job: &Job| state.enqueued[usize::from(*job)] != Enqueue::NotYet;
                (0..JOBS).filter(begun).all(|job| state.places(job) == 1)
            }),
            Property::always("no job is run by two under a valid lease", |_, state: &State| {
                let valid = |processor: &Processor| match processor {
                    Processor::Running(held) | Processor::Ran(held) if !held.lapsed => Some(held.job),
                    _ => None,
                };
                let jobs: Vec<Job> = state.processors.iter().filter_map(valid).collect();
                (1..jobs.len()).all(|n| !jobs[..n].contains(&jobs[n]))
            }),
            Property::always("no job is run more often than it has attempts", |_, state: &State| {
                state.runs.values().all(|runs| *runs <= MAX_ATTEMPTS)
            }),
            Property::always("a job ends once", |_, state: &State| {
                let dead = |job: &Job| state.ended.get(job) == Some(&End::Dead);
                state.completions.iter().all(|(job, times)| *times == 1 && !dead(job))
            }),
            Property::always("a lost reply costs no attempt", |model: &Self, state: &State| {
                let died = model.crashes - state.crashes_left + model.lapses - state.lapses_left;
                let runs = |job: &Job| state.runs.get(job).copied().unwrap_or_default();
                let dead = state.ended.iter().filter(|(_, end)| **end == End::Dead);
                dead.map(|(job, _)| runs(job) + died).all(|begun| begun >= MAX_ATTEMPTS)
            }),
            Property::always("where nothing more can happen, every job has ended", |model: &Self, state: &State| {
                let mut actions = Vec::new();
                model.actions(state, &mut actions);
                !actions.is_empty() || state.ended.len() == usize::from(JOBS)
            }),
            Property::sometimes("jobs are completed", |_, state: &State| state.completions.len() == usize::from(JOBS)),
            Property::sometimes("a late settlement counts for nothing", |_, state: &State| {
                let late = |processor: &Processor| {
                    matches!(processor, Processor::Ran(held) if held.lapsed
                    && state.attempts.get(&held.job) != Some(&(held.attempt, Some(held.claim))))
                };
                state.processors.iter().any(late)
            }),
        ]
    }
}

#[test]
fn every_schedule_keeps_the_promises() {
    let model = Queue { change: Change::Nothing, crashes: 2, losses: 2, lapses: 1 };
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("queue: {} states", checker.unique_state_count());
    assert!(checker.unique_state_count() > 10_000);
}

#[test]
fn each_change_breaks_a_promise_and_is_found() {
    for (change, broken) in [
        (Change::NoLease, "a job is in one place: nothing is lost, nothing is there twice"),
        (Change::LeaseIgnored, "no job is run by two under a valid lease"),
        (Change::NoFence, "a job ends once"),
        (Change::CrashCostsNothing, "no job is run more often than it has attempts"),
        (Change::ClaimForgotten, "a lost reply costs no attempt"),
        (Change::EnqueuePushesAgain, "a job is in one place: nothing is lost, nothing is there twice"),
    ] {
        let model = Queue { change, crashes: 3, losses: 2, lapses: 1 };
        let found = HasDiscoveries::AnyOf(BTreeSet::from([broken]));
        let checker = model.checker().threads(2).finish_when(found).spawn_bfs().join();
        assert!(checker.discovery(broken).is_some(), "{change:?} went unnoticed");
    }
}

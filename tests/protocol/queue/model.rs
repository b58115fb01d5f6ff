//! What can happen next, what it changes, and what is never to be seen.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Model, Property};

use super::state::{End, Enqueue, Processor, State, Timer, Verdict};
use super::{Change, Claim, JOBS, Job, MAX_ATTEMPTS, PROCESSORS, Queue};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Enqueue { job: Job, lost: bool },
    Claim { by: usize, lost: bool },
    GiveUp { by: usize },
    Arrive { claim: Claim },
    Run { by: usize },
    Settle { by: usize, verdict: Verdict, lost: bool },
    Lapse { job: Job },
    Crash { by: usize },
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
            late: BTreeSet::new(),
            ended: BTreeMap::new(),
            processors: [Processor::Idle; PROCESSORS],
            crashes_left: self.crashes,
            losses_left: self.losses,
            lapses_left: self.lapses,
            late_left: self.late,
            runs: BTreeMap::new(),
            completions: BTreeMap::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let losses: &[bool] = if state.losses_left > 0 { &[false, true] } else { &[false] };
        for (job, _) in (0..).zip(&state.enqueued).filter(|(_, enqueue)| **enqueue != Enqueue::Done) {
            actions.extend(losses.iter().map(|lost| Action::Enqueue { job, lost: *lost }));
        }
        actions.extend(state.late.iter().map(|claim| Action::Arrive { claim: *claim }));
        for (by, processor) in state.processors.iter().enumerate() {
            if state.crashes_left > 0 && *processor != Processor::Idle {
                actions.push(Action::Crash { by });
            }
            match processor {
                Processor::Idle if !state.has_work(self.change) => {}
                Processor::Idle | Processor::Claiming(_) => {
                    // One processor is as good as the other: it is enough that the first does.
                    if *processor == Processor::Idle && by == 0 && state.losses_left > 0 && state.late_left > 0 {
                        actions.push(Action::GiveUp { by });
                    }
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
                let (claim, again) = match state.processors[by] {
                    Processor::Claiming(claim) => (claim, true),
                    _ => (state.unused_claim(), false),
                };
                let held = state.claim(claim, again, self.change);
                state.processors[by] = match held {
                    _ if is_lost => Processor::Claiming(claim),
                    Some(held) => Processor::Running(held),
                    None => Processor::Idle,
                };
            }
            Action::GiveUp { by } => {
                lost(&mut state, true);
                let claim = state.unused_claim();
                state.late_left -= 1;
                state.late.insert(claim);
                state.processors[by] = Processor::Claiming(claim);
            }
            Action::Arrive { claim } => {
                // Nobody listens to the answer.
                state.claim(claim, false, self.change);
                state.late.remove(&claim);
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

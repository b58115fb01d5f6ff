//! A money operation: the intent, Stripe, the last write; its fallback job and Stripe's event; crashes and lost replies anywhere.
//!
//! Stripe is the most careless that it may be: another idempotency key is another payment, and a call may fail with or without having
//! moved the money, and is answered so from then on.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model, Property};

/// What is left out or done otherwise than the code does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// As it is.
    Nothing,
    /// Stripe is asked before anything is written.
    NoIntent,
    /// No job looks after an operation whose process died.
    NoFallback,
    /// Each process makes an idempotency key of its own.
    KeyOfItsOwn,
    /// Where Stripe keeps a failure under a key, the next key is used without a look.
    NextKeyBlind,
    /// The last write does not look whether somebody else has written it.
    LastWriteBlind,
    /// Of two requests that read the same version, both may begin.
    NoVersion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    Held,
    Moving,
    Moved,
}

/// The key at Stripe: the version that began the operation, the process where it is that process' own, and which of the operation's
/// keys it is.
type Key = (u8, Option<usize>, u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Process {
    Start,
    /// What it read: the version.
    Read(u8),
    Calling(Key),
    /// Stripe keeps a failure under the key: is the money moved?
    Looking(Key),
    /// Stripe said yes.
    Called(Key),
    /// Answered, or nobody waits any more.
    Over,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    place: Place,
    version: u8,
    pending: Option<Key>,
    fallback: bool,
    effects: u8,
    /// What was paid at Stripe, by key.
    payments: BTreeSet<Key>,
    /// The keys under which Stripe keeps a failure.
    failures: BTreeSet<Key>,
    /// Two requests, then the processor with the fallback.
    processes: [Process; 3],
    events_left: u8,
    crashes_left: u8,
    losses_left: u8,
    failures_left: u8,
    retries_left: u8,
}

const FALLBACK: usize = 2;

/// Keys of an operation, as in the code.
const MAX_KEYS: u8 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The next step of a process; whether its reply is lost.
    Step {
        by: usize,
        lost: bool,
    },
    Crash {
        by: usize,
    },
    /// Stripe fails at the call, after or before it moved the money, and keeps that under the key.
    Fail {
        by: usize,
        done: bool,
    },
    /// The caller sends the request again, or the lapsed fallback is claimed again.
    Again {
        by: usize,
    },
    Event,
}

struct Operation {
    change: Change,
    crashes: u8,
    losses: u8,
    failures: u8,
}

impl Operation {
    fn key(&self, version: u8, by: usize) -> Key {
        (version, (self.change == Change::KeyOfItsOwn).then_some(by), 1)
    }

    /// The pending operation's key, as a process that goes on with it uses it.
    fn own(&self, key: Key, by: usize) -> Key {
        if self.change == Change::KeyOfItsOwn { (key.0, Some(by), key.2) } else { key }
    }

    fn next_key((version, by, nth): Key) -> Process {
        if nth < MAX_KEYS { Process::Calling((version, by, nth + 1)) } else { Process::Over }
    }

    fn finish(&self, state: &mut State, key: Option<Key>) {
        let open = state.place == Place::Moving && (key.is_none() || state.pending == key);
        let blind = self.change == Change::LastWriteBlind && state.place != Place::Held;
        if open || blind || (self.change == Change::NoIntent && state.place == Place::Held) {
            state.place = Place::Moved;
            state.version += 1;
            state.pending = None;
            state.fallback = false;
            state.effects += 1;
        }
    }

    fn step(&self, state: &mut State, by: usize) -> Process {
        match state.processes[by] {
            Process::Start if by == FALLBACK => match state.pending {
                // It looks at Stripe first; with the same key the call is one request with the first.
                Some(key) => Process::Calling(self.own(key, by)),
                None => Process::Over,
            },
            Process::Start => match (state.place, state.pending) {
                (Place::Held, _) if self.change == Change::NoIntent => Process::Calling((state.version, None, 1)),
                (Place::Held, _) => Process::Read(state.version),
                // The caller's own request, sent again: it goes on with what is pending.
                (Place::Moving, Some(key)) => Process::Calling(self.own(key, by)),
                _ => Process::Over,
            },
            Process::Read(version) => {
                let same = state.version == version && state.place == Place::Held;
                if !same && self.change != Change::NoVersion {
                    return Process::Over;
                }
                state.place = Place::Moving;
                state.version += 1;
                let key = self.key(state.version, by);
                state.pending = Some(key);
                state.fallback = self.change != Change::NoFallback;
                Process::Calling(key)
            }
            Process::Calling(key) if state.failures.contains(&key) => {
                if self.change == Change::NextKeyBlind {
                    Self::next_key(key)
                } else {
                    Process::Looking(key)
                }
            }
            Process::Looking(key) if state.payments.is_empty() => Self::next_key(key),
            Process::Looking(key) => Process::Called(key),
            Process::Calling(key) => {
                state.payments.insert(key);
                Process::Called(key)
            }
            Process::Called(key) => {
                let known = if self.change == Change::KeyOfItsOwn { None } else { Some((key.0, key.1, 1)) };
                self.finish(state, known);
                Process::Over
            }
            Process::Over => Process::Over,
        }
    }
}

impl Model for Operation {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            place: Place::Held,
            version: 0,
            pending: None,
            fallback: false,
            effects: 0,
            payments: BTreeSet::new(),
            failures: BTreeSet::new(),
            processes: [Process::Start, Process::Start, Process::Over],
            events_left: 2,
            crashes_left: self.crashes,
            losses_left: self.losses,
            failures_left: self.failures,
            retries_left: 2,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (by, process) in state.processes.iter().enumerate() {
            if *process == Process::Over {
                if by == FALLBACK && state.fallback {
                    // The queue's promise: a job that was enqueued is run until it has ended.
                    actions.push(Action::Again { by });
                } else if by != FALLBACK && state.retries_left > 0 {
                    actions.push(Action::Again { by });
                }
                continue;
            }
            actions.push(Action::Step { by, lost: false });
            if state.losses_left > 0 {
                actions.push(Action::Step { by, lost: true });
            }
            if state.crashes_left > 0 {
                actions.push(Action::Crash { by });
            }
            if let Process::Calling(key) = process
                && state.failures_left > 0
                && !state.failures.contains(key)
                && !state.payments.contains(key)
            {
                actions.extend([true, false].map(|done| Action::Fail { by, done }));
            }
        }
        if state.events_left > 0 && !state.payments.is_empty() {
            actions.push(Action::Event);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Step { by, lost } => {
                let next = self.step(&mut state, by);
                state.losses_left -= u8::from(lost);
                // Who does not hear what became of a write or a call answers that it is not known, and ends.
                state.processes[by] = if lost { Process::Over } else { next };
            }
            Action::Crash { by } => {
                state.crashes_left -= 1;
                state.processes[by] = Process::Over;
            }
            Action::Fail { by, done } => {
                let Process::Calling(key) = state.processes[by] else { return None };
                state.failures_left -= 1;
                state.failures.insert(key);
                if done {
                    state.payments.insert(key);
                }
                // A failure tells nothing.
                state.processes[by] = Process::Over;
            }
            Action::Again { by } => {
                if by != FALLBACK {
                    state.retries_left -= 1;
                }
                state.processes[by] = Process::Start;
            }
            Action::Event => {
                state.events_left -= 1;
                self.finish(&mut state, None);
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the money moves at most once", |_, state: &State| state.payments.len() <= 1),
            Property::always("side effects are caused with the move, once", |_, state: &State| {
                state.effects == u8::from(state.place == Place::Moved)
            }),
            Property::always("no move without money", |_, state: &State| {
                state.place != Place::Moved || state.payments.len() == 1
            }),
            Property::always("where nothing more can happen, money and state agree", |model: &Self, state: &State| {
                let mut actions = Vec::new();
                model.actions(state, &mut actions);
                // Whether the caller asks again and Stripe's event comes is not in our hands.
                let ours = actions.iter().any(|action| {
                    !matches!(action, Action::Again { by } if *by != FALLBACK) && *action != Action::Event
                });
                let agree = match state.place {
                    Place::Held => state.payments.is_empty(),
                    Place::Moving => false,
                    Place::Moved => state.payments.len() == 1,
                };
                ours || agree
            }),
            Property::sometimes("a fallback finishes what died", |_, state: &State| {
                state.place == Place::Moved
                    && state.crashes_left == 0
                    && state.retries_left == 2
                    && state.events_left == 2
            }),
        ]
    }
}

#[test]
fn every_schedule_moves_the_money_once_and_ends() {
    let model = Operation { change: Change::Nothing, crashes: 2, losses: 2, failures: 2 };
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("escrow: {} states", checker.unique_state_count());
    assert!(checker.unique_state_count() > 1_000);
}

#[test]
fn each_change_breaks_a_promise_and_is_found() {
    for (change, broken) in [
        (Change::NoIntent, "where nothing more can happen, money and state agree"),
        (Change::NoFallback, "where nothing more can happen, money and state agree"),
        (Change::KeyOfItsOwn, "the money moves at most once"),
        (Change::NextKeyBlind, "the money moves at most once"),
        (Change::LastWriteBlind, "side effects are caused with the move, once"),
        (Change::NoVersion, "the money moves at most once"),
    ] {
        let model = Operation { change, crashes: 2, losses: 2, failures: 2 };
        let found = HasDiscoveries::AnyOf(BTreeSet::from([broken]));
        let checker = model.checker().threads(2).finish_when(found).spawn_bfs().join();
        assert!(checker.discovery(broken).is_some(), "{change:?} went unnoticed");
    }
}

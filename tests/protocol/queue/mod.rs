//! The queue: claim, run, settle; leases that lapse, processors that die, replies that are lost, requests that arrive late.
//!
//! The server's side has the structures of the scripts: the ready list, the timers, the attempts begun with the claim that holds the job.

mod model;
mod state;

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

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
    /// A claim's first request that arrives after its repetition does not look whether that was answered.
    LateClaimTakes,
    /// A repeated claim that took nothing is not remembered.
    NothingForgotten,
    /// An enqueue repeated after a lost reply pushes the id again.
    EnqueuePushesAgain,
}

struct Queue {
    change: Change,
    crashes: u8,
    losses: u8,
    lapses: u8,
    /// How many claims are given up by the first processor before they arrive; each is a loss too.
    late: u8,
}

#[test]
fn every_schedule_keeps_the_promises() {
    for (crashes, late) in [(2, 0), (1, 1)] {
        let model = Queue { change: Change::Nothing, crashes, losses: 2, lapses: 1, late };
        let checker = model.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        println!("queue, {crashes} crashes, {late} late: {} states", checker.unique_state_count());
        assert!(checker.unique_state_count() > 10_000);
    }
}

#[test]
fn each_change_breaks_a_promise_and_is_found() {
    for (change, broken) in [
        (Change::NoLease, "a job is in one place: nothing is lost, nothing is there twice"),
        (Change::LeaseIgnored, "no job is run by two under a valid lease"),
        (Change::NoFence, "a job ends once"),
        (Change::CrashCostsNothing, "no job is run more often than it has attempts"),
        (Change::ClaimForgotten, "a lost reply costs no attempt"),
        (Change::LateClaimTakes, "a lost reply costs no attempt"),
        (Change::NothingForgotten, "a lost reply costs no attempt"),
        (Change::EnqueuePushesAgain, "a job is in one place: nothing is lost, nothing is there twice"),
    ] {
        let model = Queue { change, crashes: 3, losses: 2, lapses: 1, late: 1 };
        let found = HasDiscoveries::AnyOf(BTreeSet::from([broken]));
        let checker = model.checker().threads(2).finish_when(found).spawn_bfs().join();
        assert!(checker.discovery(broken).is_some(), "{change:?} went unnoticed");
    }
}

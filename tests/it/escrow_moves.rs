//! The table of legal moves: the one in Rust and the one in Redis are the same.

use holdfast::domain::escrow::{Operation, State, is_legal};
use holdfast::escrow::LEGAL;
use holdfast::upstash::{Patience, ScriptCall};

use crate::bench::Bench;

#[tokio::test]
async fn every_pair_of_states_is_judged_alike_here_and_in_redis() {
    let t = Bench::new().await;
    let states: Vec<Option<State>> = std::iter::once(None).chain(State::ALL.map(Some)).collect();
    let (mut legal, mut judged) = (0, 0);
    for from in states {
        let moves: Vec<(State, Operation)> =
            State::ALL.iter().flat_map(|to| Operation::ALL.map(|operation| (*to, operation))).collect();
        let calls = |_| moves.iter().map(|(to, operation)| call(from, *to, *operation)).collect();
        let replies = t.upstash().run_all(Patience::SETTLE, calls).await.unwrap();
        for ((to, operation), reply) in moves.iter().zip(replies) {
            let ours = is_legal(from, *to, *operation);
            assert_eq!(reply.text().unwrap() == "legal", ours, "{operation} from {from:?} to {to}");
            legal += u32::from(ours);
            judged += 1;
        }
    }
    assert_eq!((judged, legal > 50), (14 * 13 * 12, true));
}

fn call(from: Option<State>, to: State, operation: Operation) -> ScriptCall<'static> {
    let from = from.map_or("", State::as_str);
    ScriptCall {
        script: &LEGAL,
        keys: Vec::new(),
        args: vec![from.into(), to.as_str().into(), operation.as_str().into()],
    }
}

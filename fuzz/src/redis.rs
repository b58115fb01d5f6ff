//! Redis' side of a call: which script was asked for, with which arguments, and an answer in the form of Upstash's.

use holdfast::upstash::Script;
use holdfast::{admission, deliveries, escrow, partners, queue};
use serde_json::{Value, json};

use crate::escrow::STORED;
use crate::stand_in::{Asked, Said};

/// One script of a request.
#[derive(Clone, Debug)]
pub struct Command {
    /// The script's name.
    pub script: &'static str,
    /// Its arguments.
    pub args: Vec<String>,
}

/// Tells whether it is Redis that is asked, not Stripe.
#[must_use]
pub fn is_asked(asked: &Asked) -> bool {
    asked.path == "/pipeline"
}

/// Reads the scripts of a request.
///
/// # Panics
/// Where what we sent is no request of scripts.
#[must_use]
pub fn commands(asked: &Asked) -> Vec<Command> {
    let sent: Vec<Vec<String>> = serde_json::from_slice(&asked.body).expect("a request has commands of texts");
    let command = |words: Vec<String>| {
        let keys: usize = words[2].parse().expect("a script is told how many keys it has");
        let script = scripts().find(|script| script.sha1() == words[1]).map_or("another", |script| script.name);
        Command { script, args: words[3 + keys..].to_vec() }
    };
    sent.into_iter().map(command).collect()
}

fn scripts() -> impl Iterator<Item = &'static Script> {
    let own = admission::SCRIPTS.into_iter().chain(escrow::SCRIPTS).chain(deliveries::SCRIPTS).chain(partners::SCRIPTS);
    own.chain(queue::SCRIPTS)
}

/// Answers every script of a request as `result` has it.
#[must_use]
pub fn says(asked: &Asked, mut result: impl FnMut(&Command) -> Value) -> Said {
    let results: Vec<Value> = commands(asked).iter().map(|command| json!({ "result": result(command) })).collect();
    Said::new(200, serde_json::to_vec(&results).unwrap())
}

/// What a Redis with one partner, one admin and one escrow answers.
#[must_use]
pub fn usual(command: &Command, now: i64) -> Value {
    match command.script {
        "admit" => json!(["admitted", "admin", "ops", 100, 99, 60_000, now, STORED, null, null, null, null, null]),
        "read" => json!([STORED, "new"]),
        "transition" => json!(["done"]),
        "answer" => json!("done"),
        "dead_letters" => json!(["last"]),
        "take_in" => json!("noted"),
        "enqueue" => enqueued(command),
        "read_partner" => json!(["", "1"]),
        "change_partner" => json!("changed"),
        _ => Value::Null,
    }
}

/// The jobs of an `enqueue`: id and document of each.
#[must_use]
pub fn jobs_of(command: &Command) -> Vec<(String, String)> {
    let (types, jobs): (usize, usize) = (command.args[2].parse().unwrap(), command.args[3].parse().unwrap());
    let items = &command.args[4 + types..];
    assert_eq!(items.len(), jobs * 5, "{command:?}");
    items.chunks(5).map(|item| (item[0].clone(), item[4].clone())).collect()
}

fn enqueued(command: &Command) -> Value {
    jobs_of(command).into_iter().flat_map(|(id, _)| ["enqueued".to_owned(), id]).collect()
}

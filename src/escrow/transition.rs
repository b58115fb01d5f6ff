//! `transition`: move an escrow, with its side effects and the request's record, in one step.

use std::time::Duration;

use super::jobs::Jobs;
use super::read::parse;
use super::record::{Answer, KEEP_RECORD, RequestRecord};
use super::{Escrows, odd};
use crate::domain::escrow::{Entry, Escrow, State};
use crate::domain::limits::KEEP_COMPLETED;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static TRANSITION: Script = upstash_script!(
    "transition",
    "../upstash/prelude.lua",
    "../queue/store_jobs.lua",
    "../queue/withdraw.lua",
    "moves.lua",
    "transition.lua"
);

/// How long an event's mark is kept. Stripe sends an event again for up to three days; a day more for one that is late.
const KEEP_EVENT: Duration = Duration::from_hours(4 * 24);

/// What is written into the request's record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Write<'a> {
    /// Nothing: no request, or no answer yet.
    Nothing,
    /// That the request has begun, with its answer where there is one already.
    Begin(&'a RequestRecord, Option<&'a Answer>),
    /// Its answer.
    Answer(&'a RequestRecord, &'a Answer),
}

/// A move to be written.
#[derive(Debug)]
pub(super) struct Transition<'a> {
    pub(super) before: Option<&'a Escrow>,
    pub(super) after: &'a Escrow,
    pub(super) jobs: &'a Jobs,
    pub(super) write: Write<'a>,
    pub(super) event: Option<&'a str>,
}

/// What became of a move.
#[derive(Debug)]
pub(super) enum Transitioned {
    /// It is written, with all that belongs to it.
    Done,
    /// Another was faster: the escrow as it is now.
    Changed(Option<Box<Escrow>>),
    /// Another run of the same request was faster.
    BegunBefore,
}

impl Escrows {
    /// Writes a move: all of it, or nothing.
    pub(super) async fn transition(&self, transition: &Transition<'_>) -> Result<Transitioned, UpstashError> {
        let call = self.transition_call(transition);
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
        let mut next = || reply.next().unwrap_or(Reply::Null);
        match next().text()?.as_str() {
            "done" => Ok(Transitioned::Done),
            "begun_before" => Ok(Transitioned::BegunBefore),
            "changed" => {
                let (_, _, document) = (next(), next(), next().optional_text()?);
                let escrow = document.as_deref().map(parse).transpose()?;
                Ok(Transitioned::Changed(escrow.map(Box::new)))
            }
            other => {
                let (from, to) = (transition.before.map(|before| before.state), transition.after.state);
                Err(odd(format!("the move from {from:?} to {to} was answered {other:?}")))
            }
        }
    }

    fn transition_call<'a>(&self, transition: &Transition<'a>) -> ScriptCall<'a> {
        let (before, after) = (transition.before, transition.after);
        let (action, record, answer) = match transition.write {
            Write::Nothing => ("", None, None),
            Write::Begin(record, answer) => ("begin", Some(record), answer),
            Write::Answer(record, answer) => ("answer", Some(record), Some(answer)),
        };
        let stored = self.queue.stored_by(&transition.jobs.caused);
        let escrow = self.queue.keys().escrow(&after.id);
        let mut keys = vec![
            escrow.clone(),
            record.map_or_else(|| escrow.clone(), |record| record.key.clone()),
            transition.event.map_or(escrow, |event| self.queue.keys().stripe_event(event)),
            self.queue.keys().attempts(),
        ];
        let withdrawn = &transition.jobs.withdrawn;
        keys.extend(withdrawn.iter().map(|document| self.queue.keys().job(&document.id)));
        keys.extend(stored.keys);
        let millis = |duration: Duration| duration.as_millis().to_string();
        let mut args = vec![
            self.clock.script_arg().into(),
            operation(after.history.last()).into(),
            before.map_or_else(String::new, |before| before.version.to_string()).into(),
            before.map_or("", |before| before.state.as_str()).into(),
            after.version.to_string().into(),
            State::as_str(after.state).into(),
            after.to_json().into(),
            action.into(),
            record.map_or("", |record| &record.fingerprint).into(),
            after.id.to_string().into(),
            answer.map_or_else(String::new, |answer| answer.status.to_string()).into(),
            answer.map_or("", |answer| &answer.body).into(),
            millis(KEEP_RECORD).into(),
            transition.event.map_or_else(String::new, |_| millis(KEEP_EVENT)).into(),
            withdrawn.len().to_string().into(),
            millis(KEEP_COMPLETED).into(),
        ];
        for document in withdrawn {
            args.push(document.id.to_string().into());
            args.push(document.job_type.as_str().into());
            args.push(document.clone().sealed(self.queue.payload_keys()).to_json().into());
        }
        args.extend(stored.args);
        ScriptCall { script: &TRANSITION, keys, args }
    }
}

fn operation(entry: Option<&Entry>) -> &'static str {
    entry.map_or("note", |entry| entry.operation.as_str())
}

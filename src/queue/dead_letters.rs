//! `dead_letters`: the jobs that will not be tried again by themselves.

use super::{Queue, status};
use crate::domain::id::JobId;
use crate::domain::job::JobDocument;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static DEAD_LETTERS: Script = upstash_script!("dead_letters", "dead_letters.lua");

/// Most dead letters in one answer. Chosen: a page to read; the seed's alert asks for 100.
const MAX_LIMIT: u32 = 1_000;

/// A job that will not be tried again by itself.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The job, with why it died and how often it was tried.
    pub document: JobDocument,
    /// When it died.
    pub died_at: Millis,
}

impl Queue {
    /// Returns up to `limit` dead letters after the first `offset`, newest first.
    pub async fn dead_letters(&self, offset: u32, limit: u32) -> Result<Vec<DeadLetter>, UpstashError> {
        let args = vec![
            offset.to_string().into(),
            limit.clamp(1, MAX_LIMIT).to_string().into(),
            self.keys.prefix().to_owned().into(),
        ];
        let call = ScriptCall { script: &DEAD_LETTERS, keys: vec![self.keys.dead_letters()], args };
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
        let mut letters = Vec::new();
        while let (Some(id), Some(died_at), Some(document)) = (reply.next(), reply.next(), reply.next()) {
            let Ok(id) = JobId::parse(id.text()?) else { continue };
            let Some(document) = document.optional_text()? else {
                continue;
            };
            let died_at = Millis(died_at.integer()?);
            letters.push(DeadLetter { document: status::read(&id, &document, died_at), died_at });
        }
        Ok(letters)
    }
}

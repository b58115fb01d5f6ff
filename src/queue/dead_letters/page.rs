//! Reading dead letters: page by page in either order, or by their ids.

use super::DeadLetter;
use crate::domain::id::JobId;
use crate::domain::job::JobStatus;
use crate::domain::limits::{MAX_CLAIM_BYTES, MAX_STEP_LETTERS};
use crate::domain::millis::Millis;
use crate::queue::{Queue, status};
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(in crate::queue) static DEAD_LETTERS: Script = upstash_script!("dead_letters", "page.lua");
pub(in crate::queue) static FIND: Script = upstash_script!("find_dead_letters", "find.lua");

/// Which of the dead letters come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LetterOrder {
    /// Those that died last, for a reader.
    #[default]
    Newest,
    /// Those that died first, for bringing them back in the order in which they came.
    Oldest,
}

/// Where a dead letter stands among the others. It stays a place when the job is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterPlace {
    /// When it died.
    pub died_at: Millis,
    /// Its id.
    pub id: JobId,
}

/// A stretch of the dead letters.
#[derive(Clone, Debug, Default)]
pub struct LetterRange {
    /// In which order.
    pub order: LetterOrder,
    /// Only those that died at this time or later.
    pub since: Option<Millis>,
    /// Only those that died before this time.
    pub before: Option<Millis>,
    /// Only those behind this place.
    pub after: Option<LetterPlace>,
}

/// A page of dead letters.
#[derive(Clone, Debug)]
pub struct LetterPage {
    /// The dead letters.
    pub letters: Vec<DeadLetter>,
    /// The place of the last entry looked at; its document may be gone. Nothing where there was none.
    pub last: Option<LetterPlace>,
    /// Whether others follow.
    pub more: bool,
}

impl Queue {
    /// Returns up to `limit` dead letters of the range, a hundred at most, and fewer where their documents are large.
    pub async fn dead_letters(&self, range: &LetterRange, limit: usize) -> Result<LetterPage, UpstashError> {
        let time = |time: Option<Millis>| time.map_or_else(String::new, |time| time.to_string());
        let order = match range.order {
            LetterOrder::Newest => "newest",
            LetterOrder::Oldest => "oldest",
        };
        let after_id = range.after.as_ref().map_or("", |place| place.id.as_str());
        let args = vec![
            order.into(),
            time(range.since).into(),
            time(range.before).into(),
            time(range.after.as_ref().map(|place| place.died_at)).into(),
            after_id.into(),
            limit.clamp(1, MAX_STEP_LETTERS).to_string().into(),
            MAX_CLAIM_BYTES.to_string().into(),
            self.keys.prefix().into(),
        ];
        let call = ScriptCall { script: &DEAD_LETTERS, keys: vec![self.keys.dead_letters()], args };
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
        let more = reply.next().map(Reply::text).transpose()?.as_deref() == Some("more");
        let mut page = LetterPage { letters: Vec::new(), last: None, more };
        while let (Some(id), Some(died_at), Some(document)) = (reply.next(), reply.next(), reply.next()) {
            let Ok(id) = JobId::parse(id.text()?) else { continue };
            let died_at = Millis(died_at.integer()?);
            page.letters.extend(document.optional_text()?.and_then(|stored| self.letter(&id, stored, died_at)));
            page.last = Some(LetterPlace { died_at, id });
        }
        Ok(page)
    }

    /// Returns the dead letters of these ids, at most a hundred, in their order: nothing for what is not one.
    pub async fn dead_letters_of(&self, ids: &[JobId]) -> Result<Vec<Option<DeadLetter>>, UpstashError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut keys = vec![self.keys.dead_letters()];
        keys.extend(ids.iter().map(|id| self.keys.job(id)));
        let args = ids.iter().map(|id| id.as_str().into()).collect();
        let call = ScriptCall { script: &FIND, keys, args };
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let (Some(died_at), Some(stored)) = (reply.next(), reply.next()) else {
                return Err(UpstashError::Unknown("find_dead_letters: an answer is missing".into()));
            };
            let died_at = died_at.optional_text()?.and_then(|score| score.parse().ok()).map(Millis);
            let stored = stored.optional_text()?;
            found.push(died_at.zip(stored).and_then(|(died_at, stored)| self.letter(id, stored, died_at)));
        }
        Ok(found)
    }
}

impl Queue {
    /// Makes a dead letter of what is stored; nothing where another producer wrote something else there since.
    fn letter(&self, id: &JobId, stored: String, died_at: Millis) -> Option<DeadLetter> {
        let document = status::read(id, &stored, died_at).opened(self.payload_keys());
        (document.status == JobStatus::DeadLetter).then_some(DeadLetter { document, died_at, stored })
    }
}

//! `read`: an escrow, and whether an event was taken in before.

use super::{Escrows, odd};
use crate::domain::escrow::Escrow;
use crate::domain::id::EscrowId;
use crate::upstash::keys::Keys;
use crate::upstash::{Patience, Reply, Script, ScriptCall, Upstash, UpstashError};
use crate::upstash_script;

pub(super) static READ: Script = upstash_script!("read", "read.lua");

impl Escrows {
    /// Reads an escrow; nothing where there is none.
    pub async fn get(&self, id: &EscrowId) -> Result<Option<Escrow>, UpstashError> {
        get(&self.upstash, self.queue.keys(), id).await
    }

    /// Reads an escrow, and tells whether the event was taken in before.
    pub(super) async fn read(
        &self,
        id: &EscrowId,
        event: Option<&str>,
    ) -> Result<(Option<Escrow>, bool), UpstashError> {
        read(&self.upstash, self.queue.keys(), id, event).await
    }
}

/// Reads an escrow past all that could move it; nothing where there is none.
pub async fn get(upstash: &Upstash, keys: &Keys, id: &EscrowId) -> Result<Option<Escrow>, UpstashError> {
    Ok(read(upstash, keys, id, None).await?.0)
}

async fn read(
    upstash: &Upstash,
    keys: &Keys,
    id: &EscrowId,
    event: Option<&str>,
) -> Result<(Option<Escrow>, bool), UpstashError> {
    let escrow = keys.escrow(id);
    let mark = event.map_or_else(|| escrow.clone(), |event| keys.stripe_event(event));
    let args = vec![if event.is_some() { "1" } else { "" }.into()];
    let call = ScriptCall { script: &READ, keys: vec![escrow, mark], args };
    let mut reply = upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
    let document = reply.next().unwrap_or(Reply::Null).optional_text()?;
    let seen = reply.next().unwrap_or(Reply::Null).text()? == "seen";
    Ok((document.as_deref().map(parse).transpose()?, seen))
}

/// Reads a stored document.
pub(super) fn parse(text: &str) -> Result<Escrow, UpstashError> {
    Escrow::parse(text).map_err(|error| odd(format!("the document cannot be read, at column {}", error.column())))
}

//! `measured`: the sums of all that was measured.

use std::collections::BTreeMap;

use super::{Queue, stats};
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static MEASURED: Script = upstash_script!("measured", "fold.lua", "measured.lua");

impl Queue {
    /// Returns the sums of all that was measured, by field: `{type}:d:{bucket}` and `{type}:d:sum` for how long handlers ran, `w` for how
    /// long jobs waited, `e` from their creation to their completion, and what processes added of their own.
    pub async fn measured(&self) -> Result<BTreeMap<String, u64>, UpstashError> {
        let keys = vec![self.keys.pending_measures(), self.keys.measures()];
        let call = ScriptCall { script: &MEASURED, keys, args: vec![self.keys.prefix().into()] };
        stats::fields(self.upstash.run(Patience::REQUEST, &call).await?)
    }
}

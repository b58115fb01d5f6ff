//! Walks the audit log from its first record and names the first that does not fit.

use std::collections::HashMap;

use super::record::{GENESIS, hash};
use super::{AuditLog, PAGE};
use crate::upstash::{Patience, Reply, ScriptCall, UpstashError};

/// Records in one call. Chosen: 100 of the largest payload are 6 MB, under Upstash's 10 MB.
const PAGE_RECORDS: usize = 100;

/// What a walk through the audit log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// Every record fits.
    Intact {
        /// How many there are.
        records: u64,
        /// The hash of the newest: kept elsewhere, it proves later that nothing before it was rewritten. 64 zeros for an empty log.
        head: String,
    },
    /// A record does not fit, or the newest is gone.
    Broken {
        /// The record's id in the stream; of the last one where what should follow it is missing.
        stream_id: String,
        /// Records before it that fit.
        intact: u64,
        /// What is wrong.
        reason: Break,
    },
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A field is missing.
    #[error("a field of the record is missing")]
    Field,
    /// It names another predecessor than the record before it: something was removed, put in between or moved.
    #[error("the record does not follow the one before it")]
    Predecessor,
    /// Its hash is not that of its content: it was changed.
    #[error("the record's content is not what was hashed")]
    Content,
    /// The log's head is not the hash of the last record: records at the end were removed or written by somebody else.
    #[error("the last record is not the newest that was written")]
    Head,
}

/// One record as the stream has it.
struct Entry {
    stream_id: String,
    fields: HashMap<String, String>,
}

/// How far a walk has come.
struct Walk {
    records: u64,
    stream_id: String,
    hash: String,
}

impl AuditLog {
    /// Walks the whole log and checks each record against the one before it.
    pub async fn verify(&self) -> Result<Verified, UpstashError> {
        let mut walk = Walk::new();
        loop {
            let (head, entries) = self.page(&walk.stream_id).await?;
            let is_last = entries.len() < PAGE_RECORDS;
            for entry in entries {
                if let Err(reason) = walk.step(&entry) {
                    return Ok(walk.broken(entry.stream_id, reason));
                }
            }
            if is_last {
                return Ok(walk.end(&head));
            }
        }
    }

    async fn page(&self, after: &str) -> Result<(String, Vec<Entry>), UpstashError> {
        let call = ScriptCall {
            script: &PAGE,
            keys: vec![self.keys.audit(), self.keys.audit_head()],
            args: vec![after.into(), PAGE_RECORDS.to_string().into()],
        };
        let mut parts = self.upstash.run(Patience::SETTLE, &call).await?.array()?.into_iter();
        let mut part = || parts.next().unwrap_or(Reply::Null);
        let head = part().text()?;
        let entries = part().array()?.into_iter().map(Entry::read);
        Ok((head, entries.collect::<Result<_, _>>()?))
    }
}

impl Entry {
    fn read(reply: Reply) -> Result<Self, UpstashError> {
        let mut parts = reply.array()?.into_iter();
        let mut part = || parts.next().unwrap_or(Reply::Null);
        let stream_id = part().text()?;
        let texts: Result<Vec<String>, _> = part().array()?.into_iter().map(Reply::text).collect();
        let mut texts = texts?.into_iter();
        let mut fields = HashMap::new();
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            fields.insert(name, value);
        }
        Ok(Self { stream_id, fields })
    }

    fn field(&self, name: &str) -> Result<&str, Break> {
        self.fields.get(name).map(String::as_str).ok_or(Break::Field)
    }
}

impl Walk {
    fn new() -> Self {
        Self { records: 0, stream_id: "-".to_owned(), hash: GENESIS.to_owned() }
    }

    /// Goes on to the next record, if it fits.
    fn step(&mut self, entry: &Entry) -> Result<(), Break> {
        let (previous, found) = (entry.field("previous")?, entry.field("hash")?);
        if previous != self.hash {
            return Err(Break::Predecessor);
        }
        if hash(previous, entry.field("time")?, entry.field("job_id")?, entry.field("event")?) != found {
            return Err(Break::Content);
        }
        found.clone_into(&mut self.hash);
        entry.stream_id.clone_into(&mut self.stream_id);
        self.records += 1;
        Ok(())
    }

    /// Compares the last record with the head that was read along with it.
    fn end(self, head: &str) -> Verified {
        let head = if head.is_empty() { GENESIS } else { head };
        if head != self.hash {
            let last = self.stream_id.clone();
            return self.broken(last, Break::Head);
        }
        Verified::Intact { records: self.records, head: self.hash }
    }

    fn broken(&self, stream_id: String, reason: Break) -> Verified {
        Verified::Broken { stream_id, intact: self.records, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: u64) -> Vec<Entry> {
        let mut previous = GENESIS.to_owned();
        let entry = |index| {
            let (time, job_id) = (format!("{index}"), format!("job-{index}"));
            let own = hash(&previous, &time, &job_id, "{}");
            let event = "{}".to_owned();
            let fields = [
                ("previous", previous.clone()),
                ("time", time),
                ("job_id", job_id),
                ("event", event),
                ("hash", own.clone()),
            ];
            previous = own;
            Entry {
                stream_id: format!("{index}-0"),
                fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
            }
        };
        (1..=length).map(entry).collect()
    }

    fn walk(entries: &[Entry], head: &str) -> Verified {
        let mut walk = Walk::new();
        for entry in entries {
            if let Err(reason) = walk.step(entry) {
                return walk.broken(entry.stream_id.clone(), reason);
            }
        }
        walk.end(head)
    }

    fn broken(stream_id: &str, intact: u64, reason: Break) -> Verified {
        Verified::Broken { stream_id: stream_id.into(), intact, reason }
    }

    #[test]
    fn a_whole_chain_is_intact_and_so_is_an_empty_one() {
        let entries = chain(3);
        let head = entries[2].fields["hash"].clone();
        assert_eq!(walk(&entries, &head), Verified::Intact { records: 3, head });
        let empty = Verified::Intact { records: 0, head: GENESIS.into() };
        assert_eq!(walk(&[], ""), empty);
    }

    #[test]
    fn whatever_was_done_to_a_record_is_named_at_the_first_that_does_not_fit() {
        let head = chain(4)[3].fields["hash"].clone();
        let mut changed = chain(4);
        changed[1].fields.insert("event".into(), r#"{"x":1}"#.into());
        assert_eq!(walk(&changed, &head), broken("2-0", 1, Break::Content));
        let mut removed = chain(4);
        removed.remove(1);
        assert_eq!(walk(&removed, &head), broken("3-0", 1, Break::Predecessor));
        let mut swapped = chain(4);
        swapped.swap(0, 1);
        assert_eq!(walk(&swapped, &head), broken("2-0", 0, Break::Predecessor));
        let mut bare = chain(4);
        bare[2].fields.remove("job_id");
        assert_eq!(walk(&bare, &head), broken("3-0", 2, Break::Field));
        assert_eq!(walk(&chain(3), &head), broken("3-0", 3, Break::Head));
        assert_eq!(walk(&[], &head), broken("-", 0, Break::Head));
    }
}

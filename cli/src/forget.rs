//! `forget`: an address taken out of everything that no longer needs it.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use holdfast::domain::audit_event::{AuditedChange, Subject};
use holdfast::domain::email_address::{EmailAddress, ParseEmailAddressError};
use holdfast::privacy::Holder;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Session;
use crate::table::{Side, Table};
use crate::words::number;

#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The address.
    #[arg(long, value_parser = address)]
    email: EmailAddress,
    /// Counts alone; nothing is changed.
    #[arg(long)]
    dry_run: bool,
    /// Without asking.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

/// How much was found.
#[derive(Default)]
struct Counts {
    looked_at: u64,
    blanked: BTreeMap<Holder, u64>,
    left: BTreeMap<Holder, u64>,
}

fn address(text: &str) -> Result<EmailAddress, ParseEmailAddressError> {
    EmailAddress::parse(text)
}

impl Forget {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { email, dry_run, yes } = self;
        let privacy = session.app.privacy()?;
        if !dry_run && !yes && !session.confirm("What is blanked cannot be brought back. Forget the address?")? {
            return Err(Failure::Refused("nothing was blanked; --yes does it without asking".to_owned()));
        }
        let mut counts = Counts::default();
        let (mut cursor, mut progress) = (None, Progress::new(session.json, "looked at", 0));
        loop {
            let stretch = privacy.forget(&email, cursor.as_deref(), !dry_run).await?;
            counts.looked_at += stretch.looked_at;
            stretch.blanked.iter().for_each(|holder| *counts.blanked.entry(*holder).or_default() += 1);
            stretch.left.iter().for_each(|holder| *counts.left.entry(*holder).or_default() += 1);
            progress.add(stretch.looked_at);
            cursor = stretch.next;
            if cursor.is_none() {
                break;
            }
        }
        progress.end();
        if !dry_run {
            // Of the address nothing is kept: neither it nor its hash.
            let (subject, after) = (Subject::the("address"), counts.document(dry_run));
            let change = AuditedChange::new("address_forgotten", subject, Value::Null, after);
            let record = session.recorder().record(change)?;
            session.queue()?.enqueue(&[record]).await?;
        }
        session.answer(&counts.document(dry_run), || counts.text(dry_run))
    }
}

impl Counts {
    fn document(&self, dry_run: bool) -> Value {
        let of = |map: &BTreeMap<Holder, u64>| -> Value {
            let count = |holder: Holder| (holder.as_str().to_owned(), json!(map.get(&holder).copied().unwrap_or(0)));
            Value::Object(Holder::ALL.map(count).into_iter().collect())
        };
        json!({"dryRun": dry_run, "lookedAt": self.looked_at, "blanked": of(&self.blanked), "left": of(&self.left)})
    }

    fn text(&self, dry_run: bool) -> String {
        let blanked = if dry_run { "would be blanked" } else { "blanked" };
        let columns = [("holds the address", Side::Left), (blanked, Side::Right), ("still under way", Side::Right)];
        let mut table = Table::new(&columns);
        for holder in Holder::ALL {
            let name = match holder {
                Holder::Job => "jobs",
                Holder::Escrow => "escrows",
                Holder::Answer => "answers kept for a day",
                Holder::Delivery => "deliveries (a hash)",
            };
            let of = |map: &BTreeMap<Holder, u64>| number(map.get(&holder).copied().unwrap_or(0));
            table.row([name.to_owned(), of(&self.blanked), of(&self.left)]);
        }
        let mut text = table.text();
        let _ = write!(text, "\nlooked at {} keys", number(self.looked_at));
        if self.left.values().any(|left| *left > 0) {
            text.push_str("; what is under way keeps the address until it is done: run it again then");
        }
        text.push('\n');
        text
    }
}

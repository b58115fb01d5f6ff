//! `suppressed`: the addresses that are not written to.

use clap::Subcommand;
use holdfast::deliveries::AddressHash;
use holdfast::domain::email_address::EmailAddress;
use serde_json::json;

use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Side, Table};
use crate::words::seen_from;

/// Addresses asked for at once. The route's own most.
const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub(crate) enum SuppressedCommand {
    /// Lists them by their hashes, those that end first: nobody's address is stored.
    List,
    /// Lets an address be written to again.
    Lift {
        /// The address, or its hash as the list shows it.
        #[arg(value_name = "ADDRESS", value_parser = read)]
        address: AddressHash,
    },
}

impl SuppressedCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List => list(session).await,
            Self::Lift { address } => lift(session, &address).await,
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let (deliveries, now) = (session.app.deliveries()?, session.now());
    let (mut addresses, mut after) = (Vec::new(), None);
    loop {
        let page = deliveries.suppressed(after.as_ref(), PAGE, now).await?;
        addresses.extend(page.addresses);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    session.answer(&json!({ "suppressed": addresses }), || {
        if addresses.is_empty() {
            return "mails are sent to every address\n".to_owned();
        }
        let mut table = Table::new(&["address", "because", "until"].map(|name| (name, Side::Left)));
        for one in &addresses {
            let until = one.until.map_or_else(|| "for good".to_owned(), |until| seen_from(now, until));
            table.row([one.address.to_string(), one.reason().to_owned(), until]);
        }
        table.text()
    })
}

async fn lift(session: &Session, address: &AddressHash) -> Result<(), Failure> {
    if !session.app.deliveries()?.lift(address, &session.recorder()).await? {
        return Err(Failure::Refused("this address is not suppressed; mails are sent to it".to_owned()));
    }
    session.answer(&json!({"lifted": address.as_str()}), || format!("mails are sent to {address} again\n"))
}

fn read(text: &str) -> Result<AddressHash, String> {
    let of_address = || EmailAddress::parse(text).ok().map(|address| AddressHash::of(&address));
    AddressHash::parse(text)
        .or_else(of_address)
        .ok_or_else(|| "expected an e-mail address, or a hash of 64 hexadecimal digits as the list shows it".to_owned())
}

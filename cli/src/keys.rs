//! `keys`: the API keys of partners and operators.

use std::io::Read;

use clap::{Args, Subcommand, ValueEnum};
use holdfast::admission::{ApiKey, ApiKeyInfo, CALLS_PER_WINDOW, Grant, KeyKind, MAX_CALLS_PER_WINDOW};
use holdfast::domain::escrow::Role;
use holdfast::domain::id::PartnerId;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Side, Table};
use crate::words::{number, seen_from};

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Makes a key and shows it once; what is stored is its SHA-256.
    Create(Create),
    /// Lists the keys, the oldest first; never the keys themselves.
    List,
    /// Revokes a key: it is refused from the next call on.
    Revoke {
        /// Its id as it is listed, or enough of the beginning; `-` reads a whole key from standard input.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Whose it is: a partner sees its own escrows.
    #[arg(long)]
    partner: PartnerId,
    /// What it may do.
    #[arg(long, value_enum, default_value_t = RoleName::Partner)]
    role: RoleName,
    /// Calls a minute; else 100.
    #[arg(long, value_name = "CALLS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CALLS_PER_WINDOW)))]
    limit: Option<u32>,
    /// A key for test money: it begins with `hf_test_`, not `hf_live_`.
    #[arg(long)]
    test: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    /// Creates escrows, releases and disputes its own.
    Partner,
    /// May do everything with every escrow: refund, resolve.
    Admin,
}

impl Keys {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List => list(session).await,
            Self::Revoke { id } => revoke(session, &id).await,
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let kind = if self.test { KeyKind::Test } else { KeyKind::Live };
        let key = ApiKey::new(kind, session.app.dice().bytes());
        let role = match self.role {
            RoleName::Partner => Role::Partner,
            RoleName::Admin => Role::Admin,
        };
        let grant = Grant { role, partner: self.partner, limit: self.limit };
        let info = session.app.api_keys()?.create(&key, &grant, &session.recorder()).await?;
        let mut document = json(&info);
        document["key"] = key.expose().into();
        session.answer(&document, || format!("{}\n", key.expose()))?;
        let id = &info.id;
        session.say(&format!("This is the only time the key is shown. `holdfast keys revoke {id}` ends it."))
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let keys = session.app.api_keys()?.list().await?;
    let document: Value = keys.iter().map(json).collect();
    session.answer(&document, || {
        if keys.is_empty() {
            return "no API keys\n".to_owned();
        }
        let columns = [("id", Side::Left), ("begins", Side::Left), ("role", Side::Left), ("partner", Side::Left)];
        let mut table =
            Table::new(&[&columns[..], &[("calls a minute", Side::Right), ("created", Side::Left)]].concat());
        let now = session.now();
        for key in &keys {
            table.row([
                key.id.clone(),
                key.start.clone().unwrap_or_default(),
                key.role.map_or("unknown", Role::as_str).to_owned(),
                key.partner.clone().unwrap_or_default(),
                number(key.limit.unwrap_or(CALLS_PER_WINDOW)),
                seen_from(now, key.created_at),
            ]);
        }
        table.text()
    })
}

async fn revoke(session: &Session, id: &str) -> Result<(), Failure> {
    let (keys, recorder) = (session.app.api_keys()?, session.recorder());
    let id = if id == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(1_000).read_to_string(&mut text);
        read.map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(Failure::Usage("standard input is empty; expected an API key".to_owned()));
        }
        keys.revoke_key(&ApiKey::presented(text), &recorder).await?
    } else {
        keys.revoke(id, &recorder).await?.id
    };
    session
        .answer(&json!({"id": id, "revoked": true}), || format!("revoked {id}; it is refused from the next call on\n"))
}

fn json(key: &ApiKeyInfo) -> Value {
    json!({
        "id": key.id, "begins": key.start, "role": key.role, "partner": key.partner,
        "limit": key.limit.unwrap_or(CALLS_PER_WINDOW), "createdAt": key.created_at,
    })
}

//! API keys, as operators keep them: made, listed, revoked. Each change is on record.
//!
//! A key is shown once and stored as its digest. Nothing keeps a copy of what it may do, so one that is revoked is refused from the
//! next call on.

use serde_json::{Value, json};

use super::ApiKey;
use crate::domain::audit_event::{AuditedChange, Subject};
use crate::domain::escrow::Role;
use crate::domain::id::PartnerId;
use crate::domain::job::{JobType, NewJob, NewJobError};
use crate::domain::millis::Millis;
use crate::edge::Clock;
use crate::queue::Recorder;
use crate::upstash::keys::Keys;
use crate::upstash::{Patience, Reply, Script, ScriptCall, Upstash, UpstashError};
use crate::upstash_script;

pub(super) static CREATE: Script = upstash_script!("create_key", "../../queue/record.lua", "create.lua");
pub(super) static LIST: Script = upstash_script!("list_keys", "list.lua");
pub(super) static REVOKE: Script = upstash_script!("revoke_key", "../../queue/record.lua", "revoke.lua");

/// Most API keys of a deployment. Chosen: a list of them is a few pages; a hundred keys for each of a hundred partners.
pub const MAX_API_KEYS: usize = 10_000;

/// Most calls a minute a key may be given. Chosen: far above what one function serves, so that a number beyond it is a slip.
pub const MAX_CALLS_PER_WINDOW: u32 = 1_000_000;

/// Keys read in one call. Chosen: a script of as many reads takes about a millisecond.
const PAGE: usize = 500;

/// Characters of a digest that name a key. 16^12 names: two of ten thousand keys share one once in five million deployments.
const ID_CHARS: usize = 12;

/// Fewest of them that a caller may write. Chosen: as short as a commit's.
const MIN_ID_CHARS: usize = 6;

/// Characters of a key that are kept readable: `hf_live_` and four of 32 random ones.
const START_CHARS: usize = 12;

/// The API keys of one deployment. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    upstash: Upstash,
    keys: Keys,
    clock: Clock,
}

/// What a new key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// As what it is let in.
    pub role: Role,
    /// Whose it is.
    pub partner: PartnerId,
    /// Calls a minute; none is the default, [`CALLS_PER_WINDOW`](super::CALLS_PER_WINDOW).
    pub limit: Option<u32>,
}

/// An API key as it is listed: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyInfo {
    /// What it is called by: the first characters of its digest.
    pub id: String,
    /// How the key begins; nothing for one that was written by hand.
    pub start: Option<String>,
    /// As what it is let in; nothing where it is of a form this version does not know.
    pub role: Option<Role>,
    /// Whose it is.
    pub partner: Option<String>,
    /// Calls a minute, where not the default.
    pub limit: Option<u32>,
    /// When it was made.
    pub created_at: Millis,
    sha256: String,
}

/// A change of API keys that was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// A limit outside its range.
    #[error("limit is {0}, expected 1 to {MAX_CALLS_PER_WINDOW} calls a minute")]
    Limit(u32),
    /// There are too many.
    #[error("there are {MAX_API_KEYS} API keys; revoke some first")]
    Full,
    /// No key is called so.
    #[error("no API key is called {0:?}")]
    Unknown(String),
    /// More than one is called so.
    #[error("{0:?} begins the name of more than one API key; write more of it")]
    Ambiguous(String),
    /// The text is no name of a key.
    #[error("{0:?} is no name of an API key, expected {MIN_ID_CHARS} to 64 hexadecimal digits as they are listed")]
    Name(String),
    /// The record of the change is no job.
    #[error(transparent)]
    Record(#[from] NewJobError),
    /// Redis did not take the change.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

impl ApiKeys {
    /// Makes the keeper of the keys.
    pub fn new(upstash: Upstash, keys: Keys, clock: Clock) -> Self {
        Self { upstash, keys, clock }
    }

    /// Lets `key` in, as what `grant` says.
    pub async fn create(&self, key: &ApiKey, grant: &Grant, recorder: &Recorder) -> Result<ApiKeyInfo, ApiKeyError> {
        let Grant { role, partner, limit } = grant;
        if let Some(limit) = limit.filter(|limit| !(1..=MAX_CALLS_PER_WINDOW).contains(limit)) {
            return Err(ApiKeyError::Limit(limit));
        }
        let info = ApiKeyInfo {
            id: id(&key.sha256()),
            start: Some(key.expose().chars().take(START_CHARS).collect()),
            role: Some(*role),
            partner: Some(partner.to_string()),
            limit: *limit,
            created_at: self.clock.now(),
            sha256: key.sha256(),
        };
        let after = json!({"role": role, "partner": partner, "limit": limit});
        let record = recorder.record(change("api_key_created", &info.sha256, Value::Null, after))?;
        let args = vec![
            info.sha256.clone().into(),
            role.as_str().into(),
            partner.as_str().into(),
            info.start.clone().unwrap_or_default().into(),
            info.created_at.to_string().into(),
            limit.map_or_else(String::new, |limit| limit.to_string()).into(),
            MAX_API_KEYS.to_string().into(),
            record.document.id.to_string().into(),
            record.document.to_json().into(),
        ];
        let call = ScriptCall { script: &CREATE, keys: self.change_keys(&info.sha256, &record), args };
        match self.upstash.run(Patience::REQUEST, &call).await?.text()?.as_str() {
            "full" => Err(ApiKeyError::Full),
            _ => Ok(info),
        }
    }

    /// Returns all keys, the oldest first.
    pub async fn list(&self) -> Result<Vec<ApiKeyInfo>, UpstashError> {
        let mut list = Vec::new();
        loop {
            let args =
                vec![list.len().to_string().into(), PAGE.to_string().into(), self.keys.prefix().to_owned().into()];
            let call = ScriptCall { script: &LIST, keys: vec![self.keys.api_keys()], args };
            let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
            let before = list.len();
            while let Some(sha256) = reply.next() {
                list.push(info(sha256.text()?, || reply.next().unwrap_or(Reply::Null))?);
            }
            if list.len() < before + PAGE {
                return Ok(list);
            }
        }
    }

    /// Finds the key that is called `name`: its id or the beginning of it.
    pub async fn find(&self, name: &str) -> Result<ApiKeyInfo, ApiKeyError> {
        let digits = name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || !(MIN_ID_CHARS..=64).contains(&name.len()) {
            return Err(ApiKeyError::Name(name.chars().take(64).collect()));
        }
        let mut found = self.list().await?.into_iter().filter(|key| key.sha256.starts_with(name));
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(ApiKeyError::Ambiguous(name.to_owned())),
            (None, _) => Err(ApiKeyError::Unknown(name.to_owned())),
        }
    }

    /// Revokes the key that is called `name`. It is refused from the next call on.
    pub async fn revoke(&self, name: &str, recorder: &Recorder) -> Result<ApiKeyInfo, ApiKeyError> {
        let key = self.find(name).await?;
        let before = json!({"role": key.role, "partner": key.partner, "limit": key.limit});
        let record = recorder.record(change("api_key_revoked", &key.sha256, before, Value::Null))?;
        self.revoke_digest(&key.sha256, &record).await?;
        Ok(key)
    }

    /// Revokes `key` itself, as one does with a key found where it should not be; it need not be listed.
    pub async fn revoke_key(&self, key: &ApiKey, recorder: &Recorder) -> Result<String, ApiKeyError> {
        let sha256 = key.sha256();
        // It need not be listed, so what it was is not known.
        let before = json!({"presented": true});
        let record = recorder.record(change("api_key_revoked", &sha256, before, Value::Null))?;
        self.revoke_digest(&sha256, &record).await?;
        Ok(id(&sha256))
    }

    async fn revoke_digest(&self, sha256: &str, record: &NewJob) -> Result<(), ApiKeyError> {
        let args = vec![sha256.into(), record.document.id.to_string().into(), record.document.to_json().into()];
        let call = ScriptCall { script: &REVOKE, keys: self.change_keys(sha256, record), args };
        match self.upstash.run(Patience::REQUEST, &call).await?.text()?.as_str() {
            "revoked" => Ok(()),
            _ => Err(ApiKeyError::Unknown(id(sha256))),
        }
    }

    fn change_keys(&self, sha256: &str, record: &NewJob) -> Vec<String> {
        vec![
            self.keys.api_key(sha256),
            self.keys.api_keys(),
            self.keys.counters(),
            self.keys.queue(JobType::AuditLogCreated),
            self.keys.job(&record.document.id),
        ]
    }
}

fn change(action: &str, sha256: &str, before: Value, after: Value) -> AuditedChange {
    AuditedChange::new(action, Subject::of("api_key", &id(sha256)), before, after)
}

fn id(sha256: &str) -> String {
    sha256.chars().take(ID_CHARS).collect()
}

fn info(sha256: String, mut next: impl FnMut() -> Reply) -> Result<ApiKeyInfo, UpstashError> {
    let created_at = Millis(next().integer()?);
    let (role, partner) = (next().optional_text()?, next().optional_text()?);
    let (start, limit) = (next().optional_text()?, next().optional_text()?);
    Ok(ApiKeyInfo {
        id: id(&sha256),
        start,
        role: role.as_deref().and_then(Role::parse),
        partner,
        limit: limit.and_then(|limit| limit.parse().ok()),
        created_at,
        sha256,
    })
}

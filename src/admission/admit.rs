//! `admit`: the one call with which every request with an API key begins.

use std::time::Duration;

use super::{ApiKey, RequestKey, request_key};
use crate::domain::escrow::{Escrow, Role};
use crate::domain::id::{EscrowId, PartnerId};
use crate::domain::millis::Millis;
use crate::edge::Clock;
use crate::escrow::{Answer, RequestRecord};
use crate::upstash::keys::Keys;
use crate::upstash::{Patience, Reply, Script, ScriptCall, Upstash, UpstashError};
use crate::upstash_script;

pub(super) static ADMIT: Script = upstash_script!("admit", "../upstash/prelude.lua", "admit.lua");

/// The window of the rate limit, fixed from its first call. Chosen: a minute is what `RateLimit` headers commonly speak of.
pub const WINDOW: Duration = Duration::from_mins(1);

/// Calls of one API key in a window, where the key names no number. Chosen: far more than a shop's releases, and few enough that a
/// loop gone wrong costs little.
pub const CALLS_PER_WINDOW: u32 = 100;

/// How long a run of a request is believed to be alive. Chosen: three calls to Redis and one to Stripe with all repeats end within
/// 20 s, and no route runs for longer than this.
const RUN_LASTS: Duration = Duration::from_mins(1);

/// Lets callers in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admission {
    upstash: Upstash,
    keys: Keys,
    clock: Clock,
}

/// What a request shows of itself.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The key it presents.
    pub api_key: &'a ApiKey,
    /// Its idempotency key.
    pub request_key: Option<&'a RequestKey>,
    /// Its digest.
    pub fingerprint: &'a str,
    /// The escrow it is about.
    pub escrow: Option<&'a EscrowId>,
}

/// A caller who is let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What they may do.
    pub role: Role,
    /// Who they are.
    pub partner: PartnerId,
    /// How much of their limit is left.
    pub window: Window,
    /// The request's record.
    pub record: Option<RequestRecord>,
    /// What is known of an earlier run of the request.
    pub earlier: Earlier,
    /// The escrow, where it is there and the caller may see it.
    pub escrow: Option<Escrow>,
}

/// What is known of an earlier run of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// There was none.
    None,
    /// It was answered.
    Answered(Answer),
    /// It may still run.
    Running(Duration),
    /// It ended without an answer: this run goes on with its escrow.
    Open(EscrowId),
    /// It was another request under the same key.
    Other,
}

/// How much of a rate limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Calls in a window.
    pub limit: i64,
    /// Calls left in this one.
    pub left: i64,
    /// Until when it lasts.
    pub ends_in: Duration,
}

/// Why a caller is not let in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// The key is nobody's.
    #[error("the API key is not known")]
    UnknownKey,
    /// Too many calls.
    #[error("too many calls with this API key")]
    Limited(Window),
    /// Redis could not be reached.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

impl Admission {
    /// Makes the admission.
    pub fn new(upstash: Upstash, keys: Keys, clock: Clock) -> Self {
        Self { upstash, keys, clock }
    }

    /// Lets a caller in, or says why not. A partner's escrow is there for that partner alone.
    pub async fn admit(&self, asking: &Asking<'_>) -> Result<Admitted, Refused> {
        let call = self.call(asking);
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
        let mut next = || reply.next().unwrap_or(Reply::Null);
        match next().text()?.as_str() {
            "unknown_key" => Err(Refused::UnknownKey),
            "limited" => {
                let (limit, ends_in) = (next().integer()?, millis(next().integer()?));
                Err(Refused::Limited(Window { limit, left: 0, ends_in }))
            }
            _ => Ok(self.read(asking, next)?),
        }
    }

    fn call(&self, asking: &Asking<'_>) -> ScriptCall<'static> {
        let digest = asking.api_key.sha256();
        let api_key = self.keys.api_key(&digest);
        let escrow = asking.escrow.map_or_else(|| api_key.clone(), |id| self.keys.escrow(id));
        let args = vec![
            self.clock.script_arg().into(),
            WINDOW.as_millis().to_string().into(),
            CALLS_PER_WINDOW.to_string().into(),
            self.keys.prefix().to_owned().into(),
            asking.request_key.map_or_else(String::new, |key| key.as_str().to_owned()).into(),
            if asking.escrow.is_some() { "1" } else { "" }.into(),
        ];
        ScriptCall { script: &ADMIT, keys: vec![api_key, self.keys.api_key_rate(&digest), escrow], args }
    }

    fn read(&self, asking: &Asking<'_>, mut next: impl FnMut() -> Reply) -> Result<Admitted, UpstashError> {
        let odd = |what: String| UpstashError::Unknown(format!("admit: {what}"));
        let (role, partner) = (next().text()?, next().text()?);
        let caller = format!("{role}-{partner}");
        let role = Role::parse(&role).ok_or_else(|| odd("an API key has an unknown role".to_owned()))?;
        let partner = PartnerId::parse(partner).map_err(|_| odd("an API key has a malformed partner".to_owned()))?;
        let window = Window { limit: next().integer()?, left: next().integer()?, ends_in: millis(next().integer()?) };
        let now = Millis(next().integer()?);
        let escrow = next().optional_text()?.map(|text| Escrow::parse(&text)).transpose();
        let escrow = escrow.map_err(|error| odd(format!("an escrow cannot be read, at column {}", error.column())))?;
        let earlier = earlier(asking.fingerprint, now, next)?;
        let record = asking.request_key.map(|key| RequestRecord {
            key: self.keys.idempotency(&caller, key.as_str()),
            name: request_key::name(&caller, key),
            fingerprint: asking.fingerprint.to_owned(),
        });
        let visible = |escrow: &Escrow| role == Role::Admin || escrow.partner == partner;
        let escrow = escrow.filter(visible);
        Ok(Admitted { role, partner, window, record, earlier, escrow })
    }
}

fn earlier(fingerprint: &str, now: Millis, mut next: impl FnMut() -> Reply) -> Result<Earlier, UpstashError> {
    let (Some(known), escrow, started) = (next().optional_text()?, next().optional_text()?, next().optional_text()?)
    else {
        return Ok(Earlier::None);
    };
    let (status, body) = (next().optional_text()?.unwrap_or_default(), next().optional_text()?.unwrap_or_default());
    if known != fingerprint {
        return Ok(Earlier::Other);
    }
    if let Ok(status) = status.parse() {
        return Ok(Earlier::Answered(Answer { status, body }));
    }
    let started = Millis(started.and_then(|text| text.parse().ok()).unwrap_or(0));
    let left = started.plus(RUN_LASTS).since(now);
    if !left.is_zero() {
        return Ok(Earlier::Running(left));
    }
    let escrow = escrow.and_then(|id| EscrowId::parse(id).ok());
    escrow.map(Earlier::Open).ok_or_else(|| UpstashError::Unknown("admit: a record names no escrow".into()))
}

fn millis(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}

//! What handlers may use: built once a process, cheap to clone.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::admission::{Admission, ApiKeys};
use crate::config::{Config, ConfigError, Setting};
use crate::deliveries::Deliveries;
use crate::domain::escrow::Escrow;
use crate::domain::id::EscrowId;
use crate::domain::millis::Millis;
use crate::edge::{Clock, Dice};
use crate::escrow::{self, Escrows};
use crate::outbound::{self, OutboundError};
use crate::partners::Partners;
use crate::privacy::Privacy;
use crate::processor::Processor;
use crate::queue::{Caller, OldestDue, Queue, Recorder};
use crate::upstash::keys::Keys;
use crate::upstash::{Upstash, UpstashError};
use crate::workers::Workers;
use crate::workers::audit::AuditLog;

/// How long an answer about health is used again. Chosen: the route is open to anyone, and whoever floods it should pay for
/// the traffic, not us for the commands.
const HEALTH_KEPT: Duration = Duration::from_secs(1);

/// What handlers may use.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    http: reqwest::Client,
    upstash: Setting<Upstash>,
    keys: Setting<Keys>,
    clock: Clock,
    dice: Dice,
    workers: OnceLock<Workers>,
    health: Mutex<Option<(Instant, OldestDue)>>,
    looked: Mutex<Option<Millis>>,
}

impl App {
    /// Makes the app of a process.
    ///
    /// # Errors
    /// Only when no HTTP client can be made.
    pub fn new(config: Config, clock: Clock, dice: Dice) -> Result<Self, OutboundError> {
        let http = outbound::client()?;
        let upstash = config.upstash.clone().and_then(|upstash| {
            let malformed = ConfigError::Malformed { name: crate::config::KV_REST_API_TOKEN, expected: "a token" };
            Upstash::new(&upstash, http.clone()).map_err(|_| malformed)
        });
        Ok(Self::with(config, http, upstash, clock, dice))
    }

    /// Makes the app of a process that speaks Redis' own protocol, with the server that `REDIS_URL` names.
    ///
    /// # Errors
    /// Only when no HTTP client can be made.
    #[cfg(feature = "resp")]
    pub fn over_redis(config: Config, clock: Clock, dice: Dice) -> Result<Self, OutboundError> {
        let http = outbound::client()?;
        let upstash = config.redis_url.clone().and_then(|url| {
            let malformed =
                ConfigError::Malformed { name: crate::config::REDIS_URL, expected: "an address of a Redis" };
            Upstash::over_redis(&url).map_err(|_| malformed)
        });
        Ok(Self::with(config, http, upstash, clock, dice))
    }

    fn with(config: Config, http: reqwest::Client, upstash: Setting<Upstash>, clock: Clock, dice: Dice) -> Self {
        let keys = config.key_prefix.as_deref().map(Keys::new).map_err(Clone::clone);
        let shared = Shared {
            config,
            http,
            upstash,
            keys,
            clock,
            dice,
            workers: OnceLock::new(),
            health: Mutex::default(),
            looked: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns the settings.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Returns the dice.
    pub fn dice(&self) -> &Dice {
        &self.shared.dice
    }

    /// Returns the queue.
    pub fn queue(&self) -> Setting<Queue> {
        let (upstash, keys) = (self.shared.upstash.clone()?, self.shared.keys.clone()?);
        // With malformed keys there is no queue: nothing is written in plain by mistake.
        let payload_keys = self.config().payload_keys.clone()?;
        Ok(Queue::new(upstash, keys, self.shared.clock.clone()).sealed_by(payload_keys))
    }

    /// Returns what records the changes that `caller` asks for with the request `request_id`.
    pub fn recorder(&self, caller: Caller, request_id: &str, traceparent: Option<String>) -> Recorder {
        Recorder::new(self.shared.clock.clone(), self.shared.dice.clone(), caller, request_id, traceparent)
    }

    /// Returns a processor of the queue.
    pub fn processor(&self) -> Setting<Processor> {
        Ok(Processor::new(self.queue()?, self.shared.dice.clone()))
    }

    /// Returns the workers: the same for the whole process, with their connections and what they know of the audit log. A
    /// route that does not ask for them does not have them linked in.
    pub fn workers(&self) -> Setting<Workers> {
        let (upstash, keys) = (self.shared.upstash.clone()?, self.shared.keys.clone()?);
        let (escrows, Shared { config, http, clock, workers, .. }) = (self.escrows()?, &*self.shared);
        Ok(workers.get_or_init(|| Workers::new(config, http, &upstash, &keys, clock, escrows)).clone())
    }

    /// Returns the escrows.
    pub fn escrows(&self) -> Setting<Escrows> {
        let Shared { config, http, clock, dice, .. } = &*self.shared;
        Ok(Escrows::new(config, http, self.shared.upstash.clone()?, self.queue()?, clock.clone(), dice.clone()))
    }

    /// Returns what became of mails.
    pub fn deliveries(&self) -> Setting<Deliveries> {
        let deliveries = Deliveries::new(self.shared.upstash.clone()?, self.shared.keys.clone()?);
        Ok(deliveries.opening(self.config().payload_keys.clone()?))
    }

    /// Returns the partners and their endpoints.
    pub fn partners(&self) -> Setting<Partners> {
        Ok(Partners::new(self.shared.upstash.clone()?, self.queue()?, self.shared.clock.clone()))
    }

    /// Reads an escrow, past all that could move it; nothing where there is none. Stripe's client is not linked in by it.
    pub async fn stored_escrow(&self, id: &EscrowId) -> Setting<Result<Option<Escrow>, UpstashError>> {
        let (upstash, keys) = (self.shared.upstash.as_ref(), self.shared.keys.as_ref());
        let (upstash, keys) = (upstash.map_err(Clone::clone)?, keys.map_err(Clone::clone)?);
        Ok(escrow::get(upstash, keys, id).await)
    }

    /// Returns the admission of callers with an API key.
    pub fn admission(&self) -> Setting<Admission> {
        let (upstash, keys) = (self.shared.upstash.clone()?, self.shared.keys.clone()?);
        Ok(Admission::new(upstash, keys, self.shared.clock.clone()))
    }

    /// Returns the API keys, for operators.
    pub fn api_keys(&self) -> Setting<ApiKeys> {
        let (upstash, keys) = (self.shared.upstash.clone()?, self.shared.keys.clone()?);
        Ok(ApiKeys::new(upstash, keys, self.shared.clock.clone()))
    }

    /// Returns the audit log, for operators.
    pub fn audit_log(&self) -> Setting<AuditLog> {
        let (upstash, keys) = (self.shared.upstash.clone()?, self.shared.keys.clone()?);
        Ok(AuditLog::new(upstash, keys, self.shared.clock.clone()))
    }

    /// Returns what forgets addresses, for operators.
    pub fn privacy(&self) -> Setting<Privacy> {
        let (upstash, keys) = (self.shared.upstash.clone()?, self.shared.keys.clone()?);
        Ok(Privacy::new(upstash, keys, self.config().payload_keys.clone()?))
    }

    /// Returns how long the oldest due job has been so, at most a second old.
    pub async fn oldest_due(&self, queue: &Queue) -> Result<OldestDue, UpstashError> {
        let kept = *self.health();
        if let Some((_, known)) = kept.filter(|(at, _)| at.elapsed() < HEALTH_KEPT) {
            return Ok(known);
        }
        let oldest = queue.oldest_due().await?;
        *self.health() = Some((Instant::now(), oldest));
        Ok(oldest)
    }

    /// Tells whether this process has not looked for alerts in the time before `now`; if so, it does so now.
    pub fn look_is_due(&self, now: Millis, every: Duration) -> bool {
        let mut looked = self.shared.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = looked.is_none_or(|at| now.since(at) >= every);
        if is_due {
            *looked = Some(now);
        }
        is_due
    }

    /// Calls the processor, so that what was just caused does not wait for the next tick. Where no address is set it does nothing.
    ///
    /// Waits until the request has left, at most for `patience`, and not for the processor to end: the cron stays the safety net.
    pub async fn wake(&self, patience: Duration) {
        let (Ok(url), Ok(token)) = (&self.config().processor_url, &self.config().processor_token) else {
            return;
        };
        let request = self.shared.http.post(url).bearer_auth(token.expose());
        let request = request.header("content-type", "application/json").body(r#"{"action":"process-batch"}"#);
        if let Ok(Err(error)) = tokio::time::timeout(patience, request.send()).await {
            tracing::warn!(error = %error.without_url(), "the processor could not be woken");
        }
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Option<(Instant, OldestDue)>> {
        self.shared.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

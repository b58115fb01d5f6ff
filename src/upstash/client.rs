//! The client: one request a call, repeated where that may help, whichever way it goes to Redis.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::reply::Item;
#[cfg(feature = "resp")]
use super::resp::Resp;
use super::rest::Rest;
use super::script::Call;
use super::{Reply, ScriptCall, UpstashError, retry};
#[cfg(feature = "resp")]
use crate::config::Secret;
use crate::config::UpstashConfig;
use crate::measures::Measures;

/// How long a call may take with all its tries, and each of them.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// All tries together.
    pub total: Duration,
    /// One try.
    pub per_try: Duration,
}

impl Patience {
    /// For a caller who waits: an answer, or a 503, within three seconds.
    pub const REQUEST: Self = Self { total: Duration::from_millis(2_700), per_try: Duration::from_millis(1_300) };

    /// For a processor with results in hand: losing them means work done twice.
    pub const SETTLE: Self = Self { total: Duration::from_secs(5), per_try: Duration::from_millis(2_400) };
}

/// A client of one database. Cheap to clone; clones share connections and what they have seen.
#[derive(Clone)]
pub struct Upstash {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Transport,
    measures: Measures,
}

/// How scripts get to Redis. All semantics, of repeats above all, are above this.
enum Transport {
    Rest(Rest),
    #[cfg(feature = "resp")]
    Resp(Resp),
}

impl Transport {
    /// Sends one request and reads as many results as it has commands.
    async fn send(&self, commands: &[Vec<Cow<'_, str>>], timeout: Duration) -> Result<Vec<Item>, UpstashError> {
        let items = match self {
            Self::Rest(rest) => rest.send(commands, timeout).await?,
            #[cfg(feature = "resp")]
            Self::Resp(resp) => resp.send(commands, timeout).await?,
        };
        if items.len() != commands.len() {
            return Err(UpstashError::Unknown(format!("{} results for {} commands", items.len(), commands.len())));
        }
        Ok(items)
    }
}

impl Upstash {
    /// Makes a client that calls over `http`.
    ///
    /// # Errors
    /// [`UpstashError::Refused`] where the token cannot stand in a header.
    pub fn new(config: &UpstashConfig, http: reqwest::Client) -> Result<Self, UpstashError> {
        Ok(Self::over(Transport::Rest(Rest::new(config, http)?)))
    }

    /// Makes a client that speaks Redis' own protocol with the server at `url`, `redis://` or `rediss://`. It connects at the first call.
    ///
    /// # Errors
    /// [`UpstashError::Refused`] where the address cannot be read.
    #[cfg(feature = "resp")]
    pub fn over_redis(url: &Secret) -> Result<Self, UpstashError> {
        Ok(Self::over(Transport::Resp(Resp::new(url)?)))
    }

    fn over(transport: Transport) -> Self {
        Self { shared: Arc::new(Shared { transport, measures: Measures::default() }) }
    }

    /// Returns what this process measured and is still to be put into Redis.
    pub fn measures(&self) -> &Measures {
        &self.shared.measures
    }

    /// Runs one script, again where the answer was lost.
    pub async fn run(&self, patience: Patience, call: &ScriptCall<'_>) -> Result<Reply, UpstashError> {
        let mut replies = self.run_all(patience, |_| vec![call.clone()]).await?;
        replies.pop().ok_or_else(|| UpstashError::Unknown("the reply has no result".into()))
    }

    /// Runs the scripts that `calls` makes in one request, one after the other but not as one.
    ///
    /// Where no answer came, `calls` is asked again, with `true` once an earlier try may have been done, or a part of it.
    ///
    /// # Errors
    /// The first script's that has one; those after it may have been done. Where a script may have been done by any try, an error that
    /// may pass is [`UpstashError::Unknown`].
    pub async fn run_all<'a>(
        &self,
        patience: Patience,
        calls: impl Fn(bool) -> Vec<ScriptCall<'a>>,
    ) -> Result<Vec<Reply>, UpstashError> {
        let deadline = Instant::now() + patience.total;
        let mut perhaps_done = false;
        let mut tries = 1;
        loop {
            let per_try = patience.per_try.min(deadline.saturating_duration_since(Instant::now()));
            let error = match self.try_once(&calls(perhaps_done), per_try).await {
                Ok(replies) => return Ok(replies),
                Err(error) => error,
            };
            self.shared.measures.add("upstash:errors", 1);
            perhaps_done |= matches!(error, UpstashError::Unknown(_));
            if !retry::again(&error, tries, deadline).await {
                return Err(if perhaps_done { error.after_a_part() } else { error });
            }
            tries += 1;
        }
    }

    async fn try_once(&self, calls: &[ScriptCall<'_>], timeout: Duration) -> Result<Vec<Reply>, UpstashError> {
        let by_sha1: Vec<_> = calls.iter().map(|call| call.command(Call::BySha1)).collect();
        let mut items = self.send(&by_sha1, timeout).await?;
        let unknown = |item: &Item| item.error.as_ref().is_some_and(|error| error.starts_with("NOSCRIPT"));
        let missing: Vec<usize> = (0..items.len()).filter(|index| unknown(&items[*index])).collect();
        if !missing.is_empty() {
            let by_text: Vec<_> = missing.iter().map(|index| calls[*index].command(Call::ByText)).collect();
            let sent = self.send(&by_text, timeout).await;
            let sent = sent.map_err(|error| if some_done(&items) { error.after_a_part() } else { error })?;
            for (index, item) in missing.into_iter().zip(sent) {
                items[index] = item;
            }
        }
        let some_done = some_done(&items);
        let replies: Result<_, _> = items.into_iter().map(Item::into_reply).collect();
        replies.map_err(|error| if some_done { error.after_a_part() } else { error })
    }

    async fn send(&self, commands: &[Vec<Cow<'_, str>>], timeout: Duration) -> Result<Vec<Item>, UpstashError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.shared.measures.add("upstash:calls", 1);
        self.shared.measures.add("upstash:scripts", commands.len() as u64);
        self.shared.transport.send(commands, timeout).await
    }
}

/// Tells whether a script ran to its end: a script that Redis has no room for writes nothing.
fn some_done(items: &[Item]) -> bool {
    items.iter().any(|item| item.error.is_none())
}

impl fmt::Debug for Upstash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstash").finish_non_exhaustive()
    }
}

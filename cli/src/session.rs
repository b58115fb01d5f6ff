//! One run of the command line: the app it works with, and how it writes.

use std::io::{IsTerminal, Write};

use holdfast::app::App;
use holdfast::config::Config;
use holdfast::domain::millis::Millis;
use holdfast::edge::{Clock, Dice};
use holdfast::queue::{Caller, Queue, Recorder};
use serde::Serialize;

use crate::failure::Failure;
use crate::pretty::pretty;
use crate::variables::Variables;

/// One run.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) app: App,
    pub(crate) json: bool,
    /// What this run is called in the audit log.
    request_id: String,
}

impl Session {
    /// Makes the run's app out of its variables; `over_redis` where it shall speak Redis' own protocol.
    pub(crate) fn new(variables: &Variables, json: bool, over_redis: bool) -> Result<Self, Failure> {
        let config = Config::from_lookup(|name| variables.get(name));
        let dice = Dice::Real;
        let request_id = format!("cli-{}", dice.claim_id());
        let app =
            if over_redis { App::over_redis(config, Clock::Real, dice) } else { App::new(config, Clock::Real, dice) };
        let app = app.map_err(|error| Failure::Service(error.to_string()))?;
        Ok(Self { app, json, request_id })
    }

    pub(crate) fn queue(&self) -> Result<Queue, Failure> {
        Ok(self.app.queue()?)
    }

    pub(crate) fn now(&self) -> Millis {
        self.app.clock().now()
    }

    /// Returns what this run is called in the audit log: no other run is called so.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Returns what records the changes of this run.
    pub(crate) fn recorder(&self) -> Recorder {
        self.app.recorder(Caller::operator("cli"), &self.request_id, None)
    }

    /// Writes the document where JSON is asked for, and else the text.
    pub(crate) fn answer(&self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if !self.json {
            return write(&text());
        }
        let json = serde_json::to_string(document).map_err(|error| Failure::Service(error.to_string()))?;
        write(&format!("{}\n", pretty(&json)))
    }

    /// Says something beside the answer, to a person alone.
    pub(crate) fn say(&self, text: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        Ok(writeln!(std::io::stderr(), "{text}")?)
    }

    /// Asks a person whether to go on; without one at the terminal the answer is no.
    pub(crate) fn confirm(&self, question: &str) -> Result<bool, Failure> {
        if self.json || !std::io::stdin().is_terminal() {
            return Ok(false);
        }
        let mut error = std::io::stderr().lock();
        write!(error, "{question} [y/N] ")?;
        error.flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        Ok(matches!(line.trim(), "y" | "Y" | "yes"))
    }
}

/// Writes to standard output.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

//! Why a command ended without being done, and the exit code that says so.

use holdfast::admission::ApiKeyError;
use holdfast::config::ConfigError;
use holdfast::domain::job::NewJobError;
use holdfast::queue::{ChangeError, EnqueueError, TreatError};
use holdfast::upstash::UpstashError;
use serde_json::json;

/// Why a command ended without being done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A check found something wrong, and has said so.
    #[error("the check found something wrong")]
    Found,
    /// The command line is not of its form.
    #[error("{}", plain(.0))]
    CommandLine(clap::Error),
    /// What was asked for is not of its form.
    #[error("{0}")]
    Usage(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// A variable is missing or malformed.
    #[error("{0}")]
    Configuration(String),
    /// Redis or another service did not do it.
    #[error("{0}")]
    Service(String),
    /// Nobody reads what is written.
    #[error("the output is closed")]
    Closed,
}

impl Failure {
    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Found => 1,
            Self::CommandLine(_) | Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Configuration(_) => 4,
            Self::Service(_) => 5,
        }
    }

    /// Returns what is to be said, to a person or a program; nothing where it is said already.
    pub(crate) fn text(&self, as_json: bool) -> Option<String> {
        let word = match self {
            Self::Closed | Self::Found => return None,
            // In colour at a terminal, and with a hint: the parser writes that itself.
            Self::CommandLine(error) if !as_json => {
                let _ = error.print();
                return None;
            }
            Self::CommandLine(_) | Self::Usage(_) => "usage",
            Self::Refused(_) => "refused",
            Self::Configuration(_) => "configuration",
            Self::Service(_) => "service",
        };
        if as_json {
            Some(json!({"error": word, "detail": self.to_string()}).to_string())
        } else {
            Some(format!("holdfast: {self}"))
        }
    }

    pub(crate) fn unknown_job(id: &impl std::fmt::Display) -> Self {
        Self::Refused(format!("there is no job {id}; completed ones are kept for 24 hours, dead letters for 7 days"))
    }
}

/// What is wrong with a command line, without how to be helped.
fn plain(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.trim_start_matches("error: ").to_owned()
}

impl From<UpstashError> for Failure {
    fn from(error: UpstashError) -> Self {
        Self::Service(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error.to_string())
    }
}

impl From<NewJobError> for Failure {
    fn from(error: NewJobError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<EnqueueError> for Failure {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Upstash(error) => error.into(),
            EnqueueError::Count(_) | EnqueueError::TooLarge(_) => Self::Usage(error.to_string()),
        }
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Upstash(error) => error.into(),
            ChangeError::TooLarge { .. } | ChangeError::Record(_) => Self::Usage(error.to_string()),
        }
    }
}

impl From<TreatError> for Failure {
    fn from(error: TreatError) -> Self {
        match error {
            TreatError::NotDead(_) | TreatError::Processing(_) | TreatError::Restless => {
                Self::Refused(error.to_string())
            }
            TreatError::Payload(error) => error.into(),
            TreatError::Change(error) => error.into(),
        }
    }
}

impl From<ApiKeyError> for Failure {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::Upstash(error) => error.into(),
            ApiKeyError::Full | ApiKeyError::Unknown(_) | ApiKeyError::Ambiguous(_) => Self::Refused(error.to_string()),
            ApiKeyError::Limit(_) | ApiKeyError::Name(_) | ApiKeyError::Record(_) => Self::Usage(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Service(format!("the output cannot be written: {error}")),
        }
    }
}

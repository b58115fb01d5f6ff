//! `partners`: the webhook endpoints of a partner.

mod change;
mod look;

use clap::{Args, Subcommand};
use holdfast::domain::email_address::{EmailAddress, ParseEmailAddressError};
use holdfast::domain::endpoint::EVENTS;
use holdfast::domain::id::{EndpointId, JobId, PartnerId};
use holdfast::outbound::guard::Guard;
use holdfast::partners::{ManageError, Manager};

use crate::failure::Failure;
use crate::once::Once;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum PartnersCommand {
    /// Shows a partner's endpoints and how each does.
    Show {
        /// The partner, as its API keys name it.
        partner: PartnerId,
    },
    /// Makes an endpoint; shows the secret that signs what it is told, once.
    Add(Add),
    /// Changes an endpoint's address or events, or whether it is told anything.
    Change(ChangeEndpoint),
    /// Replaces an endpoint's secret; the old one signs beside it for a day more.
    Rotate {
        #[command(flatten)]
        of: EndpointArgument,
        #[command(flatten)]
        secret: SecretArgument,
    },
    /// Removes an endpoint with what is known of its deliveries.
    Remove {
        #[command(flatten)]
        of: EndpointArgument,
        /// Without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Sets where the partner is told that an endpoint was disabled.
    Email(Email),
    /// Has a webhook sent that says nothing, once, to see whether it arrives.
    Test {
        #[command(flatten)]
        of: EndpointArgument,
        #[command(flatten)]
        once: Once,
    },
    /// Has a webhook sent again, under the id it had.
    Resend {
        #[command(flatten)]
        of: EndpointArgument,
        /// The webhook's job.
        job: JobId,
        #[command(flatten)]
        once: Once,
    },
    /// Shows the last fifty deliveries to an endpoint, the newest first.
    Attempts {
        #[command(flatten)]
        of: EndpointArgument,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EndpointArgument {
    /// The partner.
    partner: PartnerId,
    /// The endpoint's id.
    endpoint: EndpointId,
}

#[derive(Debug, Args)]
pub(crate) struct SecretArgument {
    /// Reads the secret from standard input, in place of a new one: `whsec_` and base64 of 24 to 64 bytes.
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The partner.
    partner: PartnerId,
    /// Where webhooks are posted to: an https address on the Internet.
    url: String,
    /// An event it is told of, once for each; else all.
    #[arg(long = "event", value_name = "EVENT", value_parser = EVENTS)]
    events: Vec<String>,
    #[command(flatten)]
    secret: SecretArgument,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeEndpoint {
    #[command(flatten)]
    of: EndpointArgument,
    #[command(flatten)]
    what: ChangeWhat,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct ChangeWhat {
    /// Another address.
    #[arg(long)]
    url: Option<String>,
    /// The events it is told of from now on, once for each.
    #[arg(long = "event", value_name = "EVENT", value_parser = EVENTS)]
    events: Vec<String>,
    /// It is told of every event.
    #[arg(long, conflicts_with = "events")]
    all_events: bool,
    /// It is told again, and gets another five days to answer.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// It is told nothing.
    #[arg(long)]
    disable: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Email {
    /// The partner.
    partner: PartnerId,
    #[command(flatten)]
    to: EmailTo,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct EmailTo {
    /// The address.
    #[arg(value_parser = address)]
    address: Option<EmailAddress>,
    /// It is told nowhere.
    #[arg(long)]
    none: bool,
}

impl PartnersCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Show { partner } => look::show(session, &partner).await,
            Self::Attempts { of } => look::attempts(session, &of).await,
            Self::Add(add) => change::add(session, add).await,
            Self::Change(wanted) => change::change(session, wanted).await,
            Self::Rotate { of, secret } => change::rotate(session, &of, &secret).await,
            Self::Remove { of, yes } => change::remove(session, &of, yes).await,
            Self::Email(email) => change::email(session, email).await,
            Self::Test { of, once } => change::send(session, &of, None, once).await,
            Self::Resend { of, job, once } => change::send(session, &of, Some(&job), once).await,
        }
    }
}

async fn manager(session: &Session, partner: &PartnerId) -> Result<Manager, Failure> {
    let guard = Guard::new(&session.app.config().webhook_allow_private);
    Ok(session.app.partners()?.manage(partner, guard, session.recorder()).await?)
}

fn address(text: &str) -> Result<EmailAddress, ParseEmailAddressError> {
    EmailAddress::parse(text)
}

impl From<ManageError> for Failure {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::LongUrl(_) | ManageError::RefusedUrl(_) => Self::Usage(error.to_string()),
            ManageError::Taken
            | ManageError::TooMany
            | ManageError::UnknownEndpoint
            | ManageError::UnknownWebhook
            | ManageError::Meanwhile => Self::Refused(error.to_string()),
            ManageError::Job(error) => error.into(),
            ManageError::Enqueue(error) => error.into(),
            ManageError::Upstash(error) => error.into(),
        }
    }
}

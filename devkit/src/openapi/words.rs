//! The words that have a fixed list, taken from the library, so that a new one is in the document at once.

use std::borrow::Cow;

use holdfast::domain::escrow::{Operation, State};
use holdfast::domain::mail_event::MailEvent;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $words:expr) => {
        $(#[$doc])*
        #[derive(serde::Deserialize)]
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(utoipa::openapi::Type::String).enum_values(Some($words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

words!(
    /// A job's type.
    JobType,
    holdfast::domain::job::JobType::ALL.map(holdfast::domain::job::JobType::as_str)
);
words!(
    /// Where a job is in its life.
    JobStatus,
    holdfast::domain::job::JobStatus::ALL.map(holdfast::domain::job::JobStatus::as_str)
);
words!(
    /// Where an escrow is in its life.
    EscrowState,
    State::ALL.map(State::as_str)
);
words!(
    /// What moves an escrow.
    EscrowOperation,
    Operation::ALL.map(Operation::as_str)
);
words!(
    /// The sort of a failure.
    FailureKind,
    holdfast::domain::outcome::FailureKind::ALL.map(holdfast::domain::outcome::FailureKind::as_str)
);
words!(
    /// How a mail stands.
    MailStatus,
    MailEvent::ALL.map(MailEvent::as_str)
);

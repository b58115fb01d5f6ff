//! A job: one side effect to do, of a type, and the document that describes it in Redis.

mod afterlife;
mod document;
mod fields;
mod job_type;
mod new_job;
mod object;
mod payload;
mod status;
mod upcast;

pub use afterlife::EarlierLife;
pub use document::{DocumentError, FailedAttempt, JobDocument, LastError};
pub use job_type::{JobType, UnknownJobType};
pub use new_job::{Due, JobOptions, NewJob, NewJobError};
pub use payload::{
    AuditLogCreated, DisputeResolved, EmailDispute, EmailPayment, EmailRefund, EscrowStatusChanged, Payload,
    PayloadError, Resolution, StripeCapture, StripeRefund,
};
pub use status::JobStatus;

//! Job types on the command line: shells complete them, and a wrong one is told which there are.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use holdfast::domain::job::JobType;

/// Makes the parser of a job type.
pub(crate) fn parser() -> impl TypedValueParser<Value = JobType> {
    PossibleValuesParser::new(JobType::ALL.map(JobType::as_str)).try_map(|name| JobType::from_str(&name))
}

//! How a program here ends when it cannot go on.

use std::error::Error;
use std::process::ExitCode;

/// Says why a program failed, with all that caused it, on standard error.
#[expect(clippy::print_stderr, reason = "the program's last words, for whoever started it")]
pub fn failed(program: &str, error: &dyn Error) -> ExitCode {
    eprint!("{program}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

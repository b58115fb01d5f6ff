//! `/api/jobs/dead-letter` on AWS Lambda.

fn main() -> std::process::ExitCode {
    on_lambda::serve(&holdfast::http::jobs::DEAD_LETTER)
}

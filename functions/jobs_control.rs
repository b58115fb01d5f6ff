//! `/api/jobs/control` on AWS Lambda.

fn main() -> std::process::ExitCode {
    on_lambda::serve(&holdfast::http::jobs::CONTROL)
}

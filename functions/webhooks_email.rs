//! `/api/webhooks/email` on AWS Lambda.

fn main() -> std::process::ExitCode {
    on_lambda::serve(&holdfast::http::webhooks::EMAIL)
}

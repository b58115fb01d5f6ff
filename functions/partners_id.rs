//! `/api/partners/{id}` on AWS Lambda.

fn main() -> std::process::ExitCode {
    on_lambda::serve(&holdfast::http::partners::PARTNER)
}

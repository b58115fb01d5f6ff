//! A function on AWS Lambda whose handler panics, for `checks/aws`: no deployment has it.

use std::process::ExitCode;

use holdfast::http::Route;
use http::Method;

static PANICS: Route =
    Route::new("panics", "/api/panics", &[(Method::GET, |_, _| Box::pin(async { panic!("a secret in a panic") }))]);

fn main() -> ExitCode {
    on_lambda::serve(&PANICS)
}

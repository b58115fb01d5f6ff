//! A function on Vercel whose handler panics, for `checks/vercel`: no deployment has it.

use std::process::ExitCode;

use holdfast::http::Route;
use http::Method;

static PANICS: Route =
    Route::new("panics", "/api/panics", &[(Method::GET, |_, _| Box::pin(async { panic!("a secret in a panic") }))]);

fn main() -> ExitCode {
    on_vercel::serve(&PANICS)
}

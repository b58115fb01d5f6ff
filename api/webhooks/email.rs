//! `/api/webhooks/email` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::webhooks::EMAIL)
}

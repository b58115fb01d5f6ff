//! `/api/webhooks/stripe` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::webhooks::STRIPE)
}

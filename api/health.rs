//! `/api/health` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::health::HEALTH)
}

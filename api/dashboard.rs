//! `/api/dashboard` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::dashboard::DASHBOARD)
}

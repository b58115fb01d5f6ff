//! `/api/jobs/control` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::jobs::CONTROL)
}

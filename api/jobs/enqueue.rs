//! `/api/jobs/enqueue` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::jobs::ENQUEUE)
}

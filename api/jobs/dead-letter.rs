//! `/api/jobs/dead-letter` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::jobs::DEAD_LETTER)
}

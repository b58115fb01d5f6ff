//! `/api/jobs/process` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::jobs::PROCESS)
}

//! `/api/metrics` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::metrics::METRICS)
}

//! `/api/partners/{id}` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::partners::PARTNER)
}

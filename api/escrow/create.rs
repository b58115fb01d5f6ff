//! `/api/escrow/create` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::escrow::CREATE)
}

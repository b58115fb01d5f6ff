//! `/api/escrow/dispute` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::escrow::DISPUTE)
}

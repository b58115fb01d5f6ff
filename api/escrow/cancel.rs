//! `/api/escrow/cancel` on Vercel.

fn main() -> std::process::ExitCode {
    on_vercel::serve(&holdfast::http::escrow::CANCEL)
}

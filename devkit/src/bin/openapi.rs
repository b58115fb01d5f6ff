//! Writes the API's description: `cargo run -p devkit --bin openapi > docs/openapi.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().lock().write_all(devkit::openapi::text().as_bytes())
}

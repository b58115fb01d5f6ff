//! Writes each mail with sample data to `tests/it/mails`, for the test that compares them.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new("tests/it/mails");
    std::fs::create_dir_all(folder)?;
    for preview in devkit::previews::all() {
        std::fs::write(folder.join(format!("{}.html", preview.name)), preview.html)?;
        std::fs::write(
            folder.join(format!("{}.txt", preview.name)),
            format!("{}\n\n{}", preview.subject, preview.text),
        )?;
    }
    Ok(())
}

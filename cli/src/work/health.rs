//! A file that says that a worker reaches Redis, and the command that reads it: for a container without a shell.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::failure::Failure;
use crate::session;
use crate::words::{length, read_length};

/// Where a worker says that Redis answers it; nowhere where no file is named.
#[derive(Clone, Debug)]
pub(super) struct HealthFile(Option<PathBuf>);

impl HealthFile {
    pub(super) fn at(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// Writes it anew. That it cannot be written is logged, and is no reason to stop working.
    pub(super) fn fresh(&self) {
        let Some(path) = &self.0 else { return };
        if let Err(error) = replace(path) {
            tracing::warn!(error = %error, "the health file cannot be written");
        }
    }
}

/// Replaces the file as a whole, so that its age is that of the last look.
fn replace(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(b"ok\n")?;
    file.persist(path)?;
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Healthy {
    /// The file that `holdfast work --health-file` names.
    file: PathBuf,
    /// How old it may be.
    #[arg(long, value_name = "LENGTH", default_value = "2m", value_parser = read_length)]
    within: Duration,
}

impl Healthy {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let written = std::fs::metadata(&self.file).and_then(|file| file.modified());
        // A file of the future is one whose clock was set back meanwhile.
        let age = written.map(|written| written.elapsed().unwrap_or_default());
        match age {
            Ok(age) if age <= self.within => session::write(&format!("ok: Redis answered {} ago\n", length(age))),
            Ok(age) => {
                session::write(&format!("Redis last answered {} ago\n", length(age)))?;
                Err(Failure::Found)
            }
            Err(error) => {
                session::write(&format!("the health file cannot be read: {error}\n"))?;
                Err(Failure::Found)
            }
        }
    }
}

//! The variables: the environment's, and behind them those of a file.

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::Failure;

/// The file that is read where none is named.
const DEFAULT_FILE: &str = ".env";

/// The variables of this run.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    of_file: BTreeMap<String, String>,
}

impl Variables {
    /// Reads the file named, which must be there, or `.env`, which may be.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        if file.is_none() && !path.exists() {
            return Ok(Self::default());
        }
        let shown = path.display();
        let entries = dotenvy::from_path_iter(path).map_err(|error| match error {
            dotenvy::Error::Io(error) => Failure::Configuration(format!("{shown} cannot be read: {error}")),
            _ => Failure::Configuration(format!("{shown} cannot be read")),
        })?;
        let mut of_file = BTreeMap::new();
        for (index, entry) in entries.enumerate() {
            // The line itself may hold a secret, and is not repeated.
            let (name, value) = entry.map_err(|_| {
                let after = format!("after {index} readable variables");
                Failure::Configuration(format!("{shown} has a line that cannot be read, {after}; expected NAME=value"))
            })?;
            of_file.insert(name, value);
        }
        Ok(Self { of_file })
    }

    /// Returns the names that the file has.
    pub(crate) fn names_of_file(&self) -> impl Iterator<Item = &str> {
        self.of_file.keys().map(String::as_str)
    }

    /// Returns a variable's value: the environment's before the file's.
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line stands where a platform would: it hands the environment in"
    )]
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.of_file.get(name).cloned())
    }
}

//! Which program serves as Redis, and where it comes from.
//!
//! In order: the one named in `HOLDFAST_REDIS`, `redis-server` or `valkey-server` from `PATH`, else the
//! crate meebis, which cargo builds once into the workspace's target folder.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::StartError;

/// Names the program to use: `redis-server`, `valkey-server`, `meebis` or a path.
pub const PROGRAM_VARIABLE: &str = "HOLDFAST_REDIS";

/// The release of meebis that the tests were passed with.
const MEEBIS_VERSION: &str = "0.15.0";

/// What kind of Redis a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `redis-server`.
    Redis,
    /// `valkey-server`.
    Valkey,
    /// meebis: in memory, written to its data folder only when it is stopped in an orderly way.
    Meebis,
}

impl Kind {
    /// Whether what was written survives a SIGKILL, given a data folder.
    pub fn survives_kill(self) -> bool {
        self != Kind::Meebis
    }

    fn of(program: &Path) -> Self {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("meebis") {
            Kind::Meebis
        } else if name.contains("valkey") {
            Kind::Valkey
        } else {
            Kind::Redis
        }
    }
}

/// A program to run and its kind.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// Finds the program, building meebis where that is what is left.
pub(super) async fn find(named: Option<&str>) -> Result<Program, StartError> {
    let named = named.map(str::to_owned).or_else(|| Some(variable(PROGRAM_VARIABLE)?.to_string_lossy().into_owned()));
    match named.as_deref() {
        None => match in_path("redis-server").or_else(|| in_path("valkey-server")) {
            Some(path) => Ok(Program { kind: Kind::of(&path), path }),
            None => meebis().await,
        },
        Some("meebis") => meebis().await,
        Some(named) => {
            let path = if named.contains('/') { Some(PathBuf::from(named)) } else { in_path(named) };
            match path.filter(|path| path.is_file()) {
                Some(path) => Ok(Program { kind: Kind::of(&path), path }),
                None => Err(StartError::NotFound { program: named.to_owned() }),
            }
        }
    }
}

/// The one place where this module reads the environment.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn in_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&variable("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

async fn meebis() -> Result<Program, StartError> {
    let target = variable("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let root = target.join("tools").join(format!("meebis-{MEEBIS_VERSION}"));
    let path = root.join("bin/meebis");
    if !path.is_file() {
        tracing::info!(
            "no redis-server or valkey-server to run: building meebis {MEEBIS_VERSION}, once, in about a minute"
        );
        install(&root).await?;
    }
    Ok(Program { path, kind: Kind::Meebis })
}

/// Builds meebis under `root`; cargo shows its progress on our standard error and keeps two of these apart.
async fn install(root: &Path) -> Result<(), StartError> {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["install", "meebis", "--version", &format!("={MEEBIS_VERSION}"), "--locked", "--root"])
        .arg(root)
        .status()
        .await
        .map_err(StartError::Cargo)?;
    if status.success() { Ok(()) } else { Err(StartError::Build { status }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_name() {
        assert_eq!(Kind::of(Path::new("/opt/redis-7/bin/redis-server")), Kind::Redis);
        assert_eq!(Kind::of(Path::new("/usr/bin/valkey-server")), Kind::Valkey);
        assert_eq!(Kind::of(Path::new("target/tools/bin/meebis")), Kind::Meebis);
    }

    #[tokio::test]
    async fn a_named_program_that_is_not_there_is_named_in_the_error() {
        let error = find(Some("no-such-redis")).await.unwrap_err();

        assert_eq!(
            error.to_string(),
            "no program no-such-redis: expected redis-server, valkey-server, meebis or a path"
        );
    }
}

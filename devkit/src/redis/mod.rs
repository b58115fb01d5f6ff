//! A real Redis as a child of this process.
//!
//! It listens on a loopback port, is ready when `start` returns, and is gone when its [`RedisServer`] is
//! dropped or this process ends, however it ends. What is written is kept only with a data folder.

mod guard;
mod program;
mod ready;

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use std::{env, io};

use guard::Guarded;
use program::Program;
pub use program::{Kind, PROGRAM_VARIABLE};

/// Longest wait for an orderly end. Chosen: Redis writes its file in less, and nobody waits longer for Ctrl-C.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// How many free ports are tried. Another process can take one between our look and Redis's.
const PORTS_TRIED: usize = 5;

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// `redis-server`, `valkey-server`, `meebis` or a path; by default what [`PROGRAM_VARIABLE`] says or the
    /// machine has.
    pub program: Option<String>,
    /// The port on 127.0.0.1; by default a free one.
    pub port: Option<u16>,
    /// Where to keep the data over restarts (append-only file, or meebis's snapshot); by default it is lost.
    pub data_dir: Option<PathBuf>,
    /// Further settings of `redis-server`'s, each a name without its dashes and a value.
    pub settings: Vec<(String, String)>,
}

/// Why Redis did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The named program is not there.
    #[error("no program {program}: expected redis-server, valkey-server, meebis or a path")]
    NotFound {
        /// What was asked for.
        program: String,
    },
    /// Cargo, which would build meebis, cannot be run.
    #[error("no Redis on this machine, and cargo, which would build one, does not run")]
    Cargo(#[source] io::Error),
    /// Cargo could not build meebis.
    #[error("no Redis on this machine, and cargo install meebis ended with {status}: its words are above")]
    Build {
        /// How cargo ended.
        status: ExitStatus,
    },
    /// The operating system refused the process or the port.
    #[error("{program} cannot be run")]
    Spawn {
        /// What was to run.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The program ended before it answered.
    #[error("{program} ended before it answered on port {port}; it said:\n{output}")]
    Ended {
        /// What ran.
        program: String,
        /// The port it was given.
        port: u16,
        /// Its last lines.
        output: String,
    },
    /// The program runs but does not answer.
    #[error("{program} did not answer PING on port {port} within {limit:?}; it said:\n{output}")]
    Silent {
        /// What runs.
        program: String,
        /// The port it was given.
        port: u16,
        /// How long it was given.
        limit: Duration,
        /// Its last lines.
        output: String,
    },
}

/// A running Redis.
#[derive(Debug)]
pub struct RedisServer {
    program: Program,
    address: SocketAddr,
    data_dir: Option<PathBuf>,
    settings: Vec<(String, String)>,
    process: Option<Guarded>,
}

impl RedisServer {
    /// Starts Redis and waits until it answers.
    pub async fn start(options: RedisOptions) -> Result<Self, StartError> {
        let program = program::find(options.program.as_deref()).await?;
        for _ in 1..PORTS_TRIED {
            if options.port.is_some() {
                break;
            }
            match Self::start_on(free_port(&program)?, program.clone(), options.clone()).await {
                Err(StartError::Ended { .. }) => {}
                settled => return settled,
            }
        }
        let port = options.port.map_or_else(|| free_port(&program), Ok)?;
        Self::start_on(port, program, options).await
    }

    async fn start_on(port: u16, program: Program, options: RedisOptions) -> Result<Self, StartError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let RedisOptions { data_dir, settings, .. } = options;
        let mut server = Self { program, address, data_dir, settings, process: None };
        server.launch().await?;
        Ok(server)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// What kind of Redis it is.
    pub fn kind(&self) -> Kind {
        self.program.kind
    }

    /// Its process id.
    pub fn process(&self) -> Option<u32> {
        self.process.as_ref().and_then(Guarded::process)
    }

    /// Kills it as a crash would, with SIGKILL; [`RedisServer::restart`] brings it back.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("KILL");
            process.ended_within(STOP_LIMIT).await;
        }
    }

    /// Starts it again on the same port with the same data folder, after an orderly end if it still runs.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.end().await;
        self.launch().await
    }

    /// Ends it in an orderly way: with a data folder, everything is on disk afterwards.
    pub async fn stop(mut self) {
        self.end().await;
    }

    async fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("TERM");
            if !process.ended_within(STOP_LIMIT).await {
                tracing::warn!("{} did not end within {STOP_LIMIT:?}: killing it", self.program.path.display());
            }
        }
    }

    async fn launch(&mut self) -> Result<(), StartError> {
        let port = self.address.port().to_string();
        let folder = self.data_dir.clone().unwrap_or_else(env::temp_dir);
        let mut arguments: Vec<&OsStr> = ["--port", &port, "--bind", "127.0.0.1"].map(OsStr::new).to_vec();
        match (self.program.kind, &self.data_dir) {
            (Kind::Meebis, None) => {}
            (Kind::Meebis, Some(_)) => arguments.extend([OsStr::new("--dir"), folder.as_os_str()]),
            (_, data_dir) => {
                let appendonly = if data_dir.is_some() { "yes" } else { "no" };
                arguments.extend([OsStr::new("--dir"), folder.as_os_str()]);
                arguments.extend(["--save", "", "--appendonly", appendonly].map(OsStr::new));
            }
        }
        let settings: Vec<(String, &str)> =
            self.settings.iter().map(|(name, value)| (format!("--{name}"), value.as_str())).collect();
        for (name, value) in &settings {
            arguments.extend([OsStr::new(name), OsStr::new(value)]);
        }
        let process = Guarded::spawn(self.program.path.as_os_str(), &arguments)
            .map_err(|source| StartError::Spawn { program: self.name(), source })?;
        self.process = Some(ready::wait(process, self.address, &self.name()).await?);
        Ok(())
    }

    fn name(&self) -> String {
        self.program.path.display().to_string()
    }
}

fn free_port(program: &Program) -> Result<u16, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| StartError::Spawn { program: program.path.display().to_string(), source })
}

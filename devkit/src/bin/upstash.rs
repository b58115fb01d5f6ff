//! The local Upstash alone: a Redis and the REST API before it, for any program that uses Upstash.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use devkit::last_words::failed;
use devkit::redis::{RedisOptions, RedisServer};
use devkit::rest::{RedisAddress, RestOptions, RestServer};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A local Upstash Redis: the REST API before a Redis that it starts, until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "upstash")]
struct Arguments {
    /// Port of the REST API on 127.0.0.1; 0 is a free one.
    #[arg(long, default_value_t = 8079)]
    port: u16,
    /// The token callers must show.
    #[arg(long, default_value = "dev-token")]
    token: String,
    /// A Redis that runs already, as `redis://[[user]:password@]host[:port][/database]`; else one is started.
    #[arg(long, conflicts_with = "data_dir")]
    redis_url: Option<RedisAddress>,
    /// Where the Redis that is started keeps its data; else it is gone afterwards.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("upstash", error.as_ref()),
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let serve = async {
        let (redis, address) = if let Some(address) = arguments.redis_url {
            (None, address)
        } else {
            let options = RedisOptions { data_dir: arguments.data_dir, ..RedisOptions::default() };
            let redis = RedisServer::start(options).await?;
            let address = redis.addr().into();
            (Some(redis), address)
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
        let server = RestServer::start(RestOptions { listen, token: arguments.token, redis: address }).await?;
        Ok::<_, Box<dyn Error>>((redis, server))
    };
    let (redis, server) = tokio::select! {
        started = serve => started?,
        _ = interrupted.recv() => return Ok(()),
        _ = terminated.recv() => return Ok(()),
    };
    announce(&server);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    server.stop().await;
    if let Some(redis) = redis {
        redis.stop().await;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "these two lines are what the program is started for")]
fn announce(server: &RestServer) {
    println!("UPSTASH_REDIS_REST_URL={}", server.url());
    println!("UPSTASH_REDIS_REST_TOKEN={}", server.token());
}

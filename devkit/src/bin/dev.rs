//! `cargo dev`: the whole of Holdfast on this machine.

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use devkit::last_words::failed;
use devkit::stack::{Stack, StackOptions};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Before anything runs beside it: `.env` becomes part of what the options are read from.
    let options = match devkit::stack::read_env_file() {
        Ok(()) => StackOptions::parse(),
        Err(error) => return failed("dev", &error),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).compact();
    lines.with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed("dev", &error),
    };
    match runtime.block_on(run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("dev", error.as_ref()),
    }
}

async fn run(options: StackOptions) -> Result<(), Box<dyn Error>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let stack = tokio::select! {
        started = Stack::start(options) => started?,
        _ = interrupted.recv() => return Ok(()),
        _ = terminated.recv() => return Ok(()),
    };
    announce(&stack);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    stack.stop().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "where everything is, is what the program is started for")]
fn announce(stack: &Stack) {
    println!("{}", stack.welcome());
}

//! `holdfast`: the operators' command line.
//!
//! It uses the library as a function does, over Upstash's REST API, so what it changes is changed by the same scripts and is on
//! record. It never prints a secret but a new API key, once.

mod arguments;
mod audit;
mod control;
mod dead_letter;
mod doctor;
mod enqueue;
mod escrow;
mod failure;
mod forget;
mod job;
mod job_type;
mod keys;
mod once;
mod partners;
mod pretty;
mod process;
mod progress;
mod session;
mod stats;
mod suppressed;
mod table;
mod variables;
mod words;
mod work;

use std::io::Write;
use std::process::ExitCode;

use arguments::{Arguments, AuditCommand, Command, EscrowCommand};
use clap::{CommandFactory, Parser};
use failure::Failure;
use session::Session;
use variables::Variables;

fn main() -> ExitCode {
    let (json, done) = match Arguments::try_parse() {
        Ok(arguments) => (arguments.json, run(arguments)),
        // Help and the version are errors to the parser, and none to anybody else.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => (std::env::args().any(|argument| argument == "--json"), Err(Failure::CommandLine(error))),
    };
    let Err(failure) = done else {
        return ExitCode::SUCCESS;
    };
    if let Some(text) = failure.text(json) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
    ExitCode::from(failure.code())
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Command::Completions { shell } = arguments.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "holdfast", &mut script);
        return session::write(&String::from_utf8_lossy(&script));
    }
    if let Command::Healthy(healthy) = arguments.command {
        return healthy.run();
    }
    let variables = Variables::read(arguments.env_file.as_deref())?;
    let over_redis = matches!(arguments.command, Command::Work(_)) && work::over_redis(&variables);
    let session = Session::new(&variables, arguments.json, over_redis)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Service(error.to_string()))?;
    runtime.block_on(dispatch(&session, &variables, arguments.command))
}

async fn dispatch(session: &Session, variables: &Variables, command: Command) -> Result<(), Failure> {
    match command {
        Command::Stats(stats) => stats.run(session).await,
        Command::Job(job) => job::show(session, &job.id).await,
        Command::Cancel(job) => job::cancel(session, &job.id).await,
        Command::Enqueue(enqueue) => enqueue.run(session).await,
        Command::DeadLetter(command) => command.run(session).await,
        Command::Control => control::show(session).await,
        Command::Pause(scope) => control::pause(session, &scope, true).await,
        Command::Resume(scope) => control::pause(session, &scope, false).await,
        Command::Limit(limit) => limit.run(session).await,
        Command::Recovery(recovery) => recovery.run(session).await,
        Command::MaxAttempts(attempts) => attempts.run(session).await,
        Command::Delayed(delayed) => delayed.run(session).await,
        Command::Process(process) => process.run(session).await,
        Command::Work(work) => work.run(session).await,
        Command::Keys(keys) => keys.run(session).await,
        Command::Partners(partners) => partners.run(session).await,
        Command::Suppressed(suppressed) => suppressed.run(session).await,
        Command::Doctor(doctor) => doctor.run(session, variables).await,
        Command::Forget(forget) => forget.run(session).await,
        Command::Audit(AuditCommand::Verify) => audit::verify(session).await,
        Command::Escrow(EscrowCommand::Show { id }) => escrow::show(session, &id).await,
        // Answered before any variable is read.
        Command::Completions { .. } | Command::Healthy(_) => Ok(()),
    }
}

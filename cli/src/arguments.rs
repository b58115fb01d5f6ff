//! The command line: what may be asked for, and what each exit code says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use holdfast::domain::id::{EscrowId, JobId};

use crate::{control, dead_letter, doctor, enqueue, forget, keys, partners, process, stats, suppressed, work};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a check found something wrong: doctor, audit verify, healthy
  2  the command line, or what it names, is not of its form; nothing was changed
  3  refused as things stand: no such job, not a dead letter, already processing; nothing was changed
  4  a variable is missing or malformed
  5  Redis or another service does not answer or refuses; the command may be run again\n";

/// Looks at a Holdfast deployment and changes it, over Upstash's REST API.
///
/// Variables are read from the environment, then from a file `.env` in this folder; `holdfast` needs `KV_REST_API_URL` and
/// `KV_REST_API_TOKEN`, and `KEY_PREFIX` where the deployment has one. What is changed is on record in the audit log.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, after_help = EXIT_CODES, max_term_width = 120)]
pub(crate) struct Arguments {
    /// Writes one JSON document instead of text; errors too, on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The file with variables; by default `.env` where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows how much of everything there is.
    Stats(stats::Stats),
    /// Shows one job.
    Job(JobArgument),
    /// Takes back a job that nobody works on.
    Cancel(JobArgument),
    /// Enqueues one job.
    Enqueue(enqueue::Enqueue),
    /// Lists dead letters, and brings them back, mends them or throws them away.
    #[command(subcommand, visible_alias = "dlq")]
    DeadLetter(dead_letter::DeadLetterCommand),
    /// Shows what is paused, limited and recovered.
    Control,
    /// Leaves the jobs of a type, or of all, unclaimed from the next claim on.
    Pause(control::ScopeArgument),
    /// Lets the jobs of a type, or of all, be claimed again.
    Resume(control::ScopeArgument),
    /// Limits how many jobs of a type are claimed in a period, or held at once.
    Limit(control::Limit),
    /// Says whether dead letters come back by themselves.
    #[command(subcommand)]
    Recovery(control::Recovery),
    /// Gives a live job another number of attempts.
    MaxAttempts(control::MaxAttempts),
    /// Lists the jobs that wait for their time, the next one first.
    Delayed(control::Delayed),
    /// Works off what is due, here, and says how it went.
    Process(process::Process),
    /// Works off what is due until it is told to stop: a resident worker, beside the functions or in their place.
    ///
    /// Where `REDIS_URL` is set it speaks Redis' own protocol, else REST. The first SIGTERM or SIGINT drains it: nothing more is claimed,
    /// what runs may end, what has not started is given back and has cost no attempt. The second one ends it at once.
    Work(work::Work),
    /// Says whether a worker's health file is fresh; exits with 1 where it is not. It reads no variable.
    Healthy(work::Healthy),
    /// API keys: made, listed, revoked.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Partners' webhook endpoints: made, changed, tested, removed.
    #[command(subcommand)]
    Partners(partners::PartnersCommand),
    /// The addresses that are not written to, because mails to them bounced or were complained of.
    #[command(subcommand)]
    Suppressed(suppressed::SuppressedCommand),
    /// Says what is wrong with a deployment, and what to do about it; changes nothing. Exits with 1 where there is a problem.
    Doctor(doctor::Doctor),
    /// Takes an address out of everything that no longer needs it.
    Forget(forget::Forget),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Escrows.
    #[command(subcommand)]
    Escrow(EscrowCommand),
    /// Writes what makes a shell complete this command line.
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct JobArgument {
    /// The job's id.
    pub(crate) id: JobId,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Checks every record against the one before it; exits with 1 at the first that does not fit.
    Verify,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EscrowCommand {
    /// Shows an escrow with its history and what became of its jobs.
    Show {
        /// The escrow's id.
        id: EscrowId,
    },
}

//! What can be chosen about a run.

use std::path::PathBuf;

use clap::Parser;

/// Kills, faults and crashes at random while jobs and escrows are worked off, and a check that nothing was lost.
#[derive(Clone, Debug, Parser)]
#[command(name = "chaos", bin_name = "cargo run -p devkit --bin chaos --")]
pub struct Options {
    /// What all that goes wrong follows from; by default a number that is printed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How long things go wrong; afterwards what is left is worked off.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub minutes: u64,
    /// Jobs to enqueue. An escrow is made for every twenty.
    #[arg(long, default_value_t = 1_000)]
    pub jobs: usize,
    /// Processes to kill with SIGKILL.
    #[arg(long, default_value_t = 60)]
    pub kills: usize,
    /// Lets Redis lose the last second before it is started again, as a machine that loses its power does.
    #[arg(long)]
    pub lose_last_second: bool,
    /// No faults: a steady load, and what the processes and Redis need by the minute.
    #[arg(long)]
    pub soak: bool,
    /// Jobs a second of the soak.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub rate: u64,
    /// Days that pass in each minute of the soak for what Redis keeps for a time; 0 for none, then nothing expires before an hour.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=60))]
    pub days_a_minute: u64,
    /// Where the evidence goes.
    #[arg(long, default_value = "target/chaos")]
    pub folder: PathBuf,
    /// A page whose section about this kind of run is to be written anew.
    #[arg(long)]
    pub page: Option<PathBuf>,
    /// For the processes of a run: what each is to do.
    #[arg(long, hide = true)]
    pub child: Option<String>,
}

//! Holdfast over REST and over Redis' own protocol against other queues, on the same Redis, in one run.
//!
//! What is measured is in `measure`, `scale` and `idle`; what is said of it, and the charts, are made by `page` and `chart` from the samples
//! alone, which are kept beside them. Every queue has processes of its own, driven by lines of JSON; ours is this program again.
#![expect(clippy::float_arithmetic, reason = "these are measurements, not money")]
#![expect(clippy::print_stderr, reason = "whoever waits for minutes is told what is going on")]

mod bare;
mod bench;
mod chart;
mod children;
mod delay;
mod holdfast_side;
mod idle;
mod machine;
mod measure;
mod page;
mod redis;
mod scale;
mod sides;
mod stats;
mod wire;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use bench::Bench;
use clap::{Args, Parser, ValueEnum};
use devkit::redis::{Kind, RedisOptions, RedisServer};
use holdfast_side::{OverResp, OverRest};
use scale::{DELAYS_MS, DEPTHS, PAYLOADS, SCALED, WORKERS};
use sides::{Programs, Side};
use stats::Samples;

/// What a step gives, or why the run ends.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Measures Holdfast against other queues and the bare Redis, and writes the page.
#[derive(Debug, Parser)]
#[command(name = "bench")]
enum Command {
    /// Measures.
    Measure(Measure),
    /// Is a process of Holdfast's, told what to do by lines on its input.
    Drive { over: Over },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Over {
    Rest,
    Resp,
}

#[derive(Args, Debug)]
struct Measure {
    /// The REST server's program.
    #[arg(long)]
    upstash: PathBuf,
    /// BullMQ's driver.
    #[arg(long)]
    bullmq: PathBuf,
    /// The drivers of the queues in Rust.
    #[arg(long)]
    peers: PathBuf,
    /// A Python that has ARQ.
    #[arg(long)]
    python: PathBuf,
    /// ARQ's driver.
    #[arg(long)]
    arq: PathBuf,
    /// The folder that gets `benchmarks.md` and `benchmarks/`, has `scaling.md`, and stands beside `README.md`.
    #[arg(long)]
    pages: PathBuf,
    /// Rounds, the queues in turn in each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only measures and prints; writes nothing, and leaves out distance, depth, workers, payloads and the idle minute.
    #[arg(long)]
    short: bool,
    /// As short, and Holdfast only: for work on it.
    #[arg(long)]
    alone: bool,
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Measure(arguments) => measure(&arguments).map_err(|error| error.to_string()),
        Command::Drive { over } => drive(over).map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn drive(over: Over) -> bench_driver::Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match over {
        Over::Rest => bench_driver::serve::<OverRest>(&runtime),
        Over::Resp => bench_driver::serve::<OverResp>(&runtime),
    }
}

fn measure(arguments: &Measure) -> Outcome<()> {
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = runtime.block_on(RedisServer::start(RedisOptions::default()))?;
    if server.kind() == Kind::Meebis {
        return Err("no redis-server here: expected a Redis that counts its commands".into());
    }
    let load = machine::load()?;
    let programs = Programs {
        bullmq: arguments.bullmq.clone(),
        peers: arguments.peers.clone(),
        python: arguments.python.clone(),
        arq: arguments.arq.clone(),
    };
    let sides: Vec<Side> = Side::ALL.into_iter().filter(|side| side.is_ours() || !arguments.alone).collect();
    let mut bench = Bench::start(server.addr().port(), &arguments.upstash, programs, &sides)?;
    // Node compiles what it runs often; Redis learns the scripts.
    round(&mut bench, &mut Samples::default(), true)?;
    let mut samples = Samples::default();
    let short = arguments.short || arguments.alone;
    for n in 1..=arguments.rounds {
        eprintln!("round {n} of {} at {} s", arguments.rounds, started.elapsed().as_secs());
        round(&mut bench, &mut samples, short)?;
    }
    for side in bench.sides() {
        bench.counted(&mut samples, side)?;
    }
    if short {
        eprintln!("{}", samples.lines());
        return Ok(());
    }
    eprintln!("workers and payloads at {} s", started.elapsed().as_secs());
    for _ in 0..arguments.rounds.min(3) {
        scales(&mut bench, &mut samples)?;
    }
    eprintln!("an idle minute at {} s", started.elapsed().as_secs());
    idle::minute(&mut bench, &runtime, &mut samples)?;
    let machine = machine::describe(&mut bench.redis, arguments, &load)?;
    page::write(&arguments.pages, &samples, &machine, arguments.rounds, started.elapsed())?;
    eprintln!("{}", samples.lines());
    eprintln!("done after {} s", started.elapsed().as_secs());
    Ok(())
}

fn round(bench: &mut Bench, samples: &mut Samples, short: bool) -> Outcome<()> {
    for side in bench.sides() {
        bench.apart(samples, side)?;
    }
    for side in bench.sides() {
        bench.flow(samples, side)?;
    }
    for side in bench.sides() {
        bench.pace(samples, side)?;
    }
    if !short {
        for delay in DELAYS_MS {
            for side in bench.sides() {
                bench.delayed(samples, side, delay)?;
            }
        }
        for depth in DEPTHS {
            for side in bench.sides().into_iter().filter(|side| side.is_ours()) {
                bench.depth(samples, side, depth)?;
            }
        }
    }
    bench.bare(samples)
}

/// What is measured of some only, in fewer rounds.
fn scales(bench: &mut Bench, samples: &mut Samples) -> Outcome<()> {
    for side in SCALED {
        for workers in WORKERS {
            bench.workers(samples, side, workers)?;
        }
        for (bytes, jobs) in PAYLOADS {
            bench.payload(samples, side, bytes, jobs)?;
        }
    }
    Ok(())
}

//! Holdfast over REST against BullMQ over TCP, on the same Redis, in one run.
//!
//! What is measured is in `measure`; what is said of it, and the charts, are made by `page` and `chart` from the samples alone, which are
//! kept beside them.
#![expect(clippy::float_arithmetic, reason = "these are measurements, not money")]
#![expect(clippy::print_stderr, reason = "whoever waits for minutes is told what is going on")]

mod bare;
mod chart;
mod children;
mod delay;
mod holdfast_side;
mod machine;
mod measure;
mod page;
mod redis;
mod stats;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use devkit::redis::{Kind, RedisOptions, RedisServer};
use measure::{DELAYS_MS, Sides};
use stats::Samples;

/// What a step gives, or why the run ends.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Measures Holdfast against BullMQ and the bare Redis, and writes the page.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// The REST server's program.
    #[arg(long)]
    upstash: PathBuf,
    /// BullMQ's driver.
    #[arg(long)]
    driver: PathBuf,
    /// The folder that gets `benchmarks.md` and `benchmarks/`.
    #[arg(long)]
    pages: PathBuf,
    /// Rounds, the sides in turn in each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only measures and prints; writes nothing, and leaves out distance, depth and the idle minute.
    #[arg(long)]
    short: bool,
    /// As short, and without BullMQ: for work on Holdfast.
    #[arg(long)]
    alone: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let redis = runtime.block_on(RedisServer::start(RedisOptions::default()))?;
    if redis.kind() == Kind::Meebis {
        return Err("no redis-server here: expected a Redis that counts its commands".into());
    }
    let mut sides = Sides::start(redis.addr().port(), &arguments.upstash, &arguments.driver)?;
    let load = machine::load()?;
    if arguments.alone {
        let mut samples = Samples::default();
        for _ in 0..arguments.rounds {
            sides.holdfast_apart(&mut samples)?;
            sides.holdfast_flow(&mut samples)?;
        }
        eprintln!("{}", samples.lines());
        return Ok(());
    }
    // Node compiles what it runs often; Redis learns the scripts.
    round(&mut sides, &mut Samples::default(), true)?;
    let mut samples = Samples::default();
    for n in 1..=arguments.rounds {
        eprintln!("round {n} of {} at {} s", arguments.rounds, started.elapsed().as_secs());
        round(&mut sides, &mut samples, arguments.short)?;
    }
    if arguments.short {
        eprintln!("{}", samples.lines());
        return Ok(());
    }
    eprintln!("an idle minute at {} s", started.elapsed().as_secs());
    let other = runtime.block_on(RedisServer::start(RedisOptions::default()))?;
    sides.idle(&mut samples, other.addr().port())?;
    let machine = machine::describe(&mut sides.redis, &arguments.driver, &load)?;
    page::write(&arguments.pages, &samples, &machine, arguments.rounds, started.elapsed())?;
    eprintln!("{}", samples.lines());
    eprintln!("done after {} s", started.elapsed().as_secs());
    Ok(())
}

fn round(sides: &mut Sides, samples: &mut Samples, short: bool) -> Outcome<()> {
    sides.holdfast_apart(samples)?;
    sides.bullmq_apart(samples)?;
    sides.holdfast_flow(samples)?;
    sides.bullmq_flow(samples)?;
    sides.holdfast_pace(samples)?;
    sides.bullmq_pace(samples)?;
    sides.bare(samples)?;
    if !short {
        for place in 0..DELAYS_MS.len() {
            sides.holdfast_delayed(samples, place)?;
            sides.bullmq_delayed(samples, place)?;
        }
        sides.depths(samples)?;
    }
    Ok(())
}

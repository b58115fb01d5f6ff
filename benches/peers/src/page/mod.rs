//! The pages: tables and charts made of the samples, and of nothing else.

mod charts;
mod goals;
mod marked;
mod tables;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast::domain::thousands::thousands;

use crate::Outcome;
use crate::machine::Machine;
use crate::sides::Side;
use crate::stats::{Samples, Spread};

/// Dollars for a command: Upstash's pay-as-you-go price, $0.20 for 100,000 (its price list, August 2026).
const DOLLARS_A_COMMAND: f64 = 0.20 / 100_000.0;

/// Minutes in a month of 30 days.
const MINUTES: f64 = 30.0 * 24.0 * 60.0;

/// Seconds in which a processor with the default time box of 50 s makes new claims: the last four are kept for the last round and
/// for settling (`SETTLE_MARGIN`, `MIN_ROUND`).
const HOLDFAST_SECONDS: f64 = 46.0;

/// Seconds the workers of others are given for the same.
const OTHERS_SECONDS: f64 = 50.0;

/// Writes the pages, the charts and the samples under `folder`.
pub(crate) fn write(folder: &Path, samples: &Samples, machine: &Machine, rounds: usize, took: Duration) -> Outcome<()> {
    let beside = folder.join("benchmarks");
    fs::create_dir_all(&beside)?;
    for (name, svg) in charts::all(samples) {
        fs::write(beside.join(name), svg)?;
    }
    fs::write(beside.join("samples.json"), serde_json::to_string_pretty(samples)?)?;
    let builds = fs::read_to_string(beside.join("before-after.json"));
    let builds = builds.ok().map(|text| serde_json::from_str(&text)).transpose()?;
    let mut page = String::from("# Benchmarks\n\n");
    let _ = write!(
        page,
        "Written by `benches/peers/run`; every figure and chart here is the run's, none is typed. It took {} s.\n\n- Machine: {}.\n- Versions: {}.\n- Figures are medians of {rounds} rounds, the queues in turn in each, with least and most. Ratios are taken round by round.\n\n",
        took.as_secs(),
        machine.hardware,
        machine.versions
    );
    page.push_str(&goals::goals(samples));
    page.push_str(&tables::all(samples));
    if let Some(builds) = &builds {
        page.push_str(&goals::compared(builds));
    }
    fs::write(folder.join("benchmarks.md"), page)?;
    marked::write_measured(folder, samples)
}

/// A number with as many digits as it deserves; from ten thousand on, the nearest whole one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and counts, none of which is negative"
)]
pub(crate) fn amount(value: f64) -> String {
    match value {
        10_000.0.. => thousands(value.round() as u64),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or("-".into(), |Spread { median, least, most }| {
        if amount(least) == amount(most) {
            amount(median)
        } else {
            format!("{} ({} to {})", amount(median), amount(least), amount(most))
        }
    })
}

fn middle(spread: Option<Spread>) -> String {
    spread.map_or("-".into(), |spread| amount(spread.median))
}

fn scaled(spread: Option<Spread>, by: f64) -> Option<Spread> {
    spread.map(|s| Spread { median: s.median * by, least: s.least * by, most: s.most * by })
}

/// What was measured of `side` under `name`.
fn of(samples: &Samples, side: Side, name: &str) -> Option<Spread> {
    samples.of(&format!("{}.{name}", side.name()))
}

/// Jobs one worker does in an invocation of 50 s when each round trip takes so much longer.
fn in_an_invocation(samples: &Samples, side: Side, delay: u64) -> Option<Spread> {
    let seconds = if side.is_ours() { HOLDFAST_SECONDS } else { OTHERS_SECONDS };
    scaled(of(samples, side, &format!("delay.{delay}")), seconds)
}

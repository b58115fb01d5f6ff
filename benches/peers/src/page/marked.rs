//! The figures in pages that are written by hand, between two marks.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{DOLLARS_A_COMMAND, HOLDFAST_SECONDS, MINUTES, amount, middle, of};
use crate::Outcome;
use crate::scale::{DELAYS_MS, WORKERS, WORKERS_DELAY_MS};
use crate::sides::Side;
use crate::stats::Samples;

const BEGIN: &str = "<!-- measured by benches/peers/run -->\n";
const END: &str = "<!-- until here -->\n";

/// Puts today's figures into the page about scaling, and into the README.
pub(super) fn write_measured(docs: &Path, samples: &Samples) -> Outcome<()> {
    write_between_marks(&docs.join("scaling.md"), &scaling(samples))?;
    write_between_marks(&docs.join("../README.md"), &costs(samples))
}

fn write_between_marks(page: &Path, figures: &str) -> Outcome<()> {
    let text = fs::read_to_string(page)?;
    let name = page.display();
    let (before, rest) = text.split_once(BEGIN).ok_or_else(|| format!("{name} has no mark where figures begin"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("{name} has no mark where figures end"))?;
    fs::write(page, format!("{before}{BEGIN}{figures}{END}{after}"))?;
    Ok(())
}

/// What a job costs, and how fast it goes, in few lines.
fn costs(samples: &Samples) -> String {
    const SIDES: [Side; 5] = [Side::Rest, Side::BullMq, Side::Apalis, Side::Sidekiq, Side::Arq];
    let row = |what: &str, cell: &dyn Fn(Side) -> String| {
        let cells: Vec<String> = SIDES.iter().map(|side| cell(*side)).collect();
        format!("| {what} | {} |\n", cells.join(" | "))
    };
    let dollars = |side: Side, name: &str, times: f64| {
        of(samples, side, name).map_or("-".into(), |s| format!("${}", amount(s.median * DOLLARS_A_COMMAND * times)))
    };
    [
        row("", &|side| side.title().to_owned()),
        format!("|{}\n", " --- |".repeat(SIDES.len() + 1)),
        row("Redis commands a job", &|side| middle(of(samples, side, "commands"))),
        row("a million jobs on Upstash", &|side| dollars(side, "commands", 1e6)),
        row("an idle month", &|side| dollars(side, "idle", MINUTES)),
        row("jobs a second, end to end", &|side| middle(of(samples, side, "flow"))),
    ]
    .concat()
}

fn scaling(samples: &Samples) -> String {
    let rate = |name: &str| samples.median(name);
    let mut text = String::from(
        "| added to a round trip | one worker over Redis' protocol | one worker over REST | the cron alone, over REST |\n| --- | --- | --- | --- |\n",
    );
    for delay in DELAYS_MS {
        let of = |side: &str| rate(&format!("{side}.delay.{delay}"));
        let cron = amount(of("rest") * HOLDFAST_SECONDS / 60.0);
        let _ = writeln!(text, "| {delay} ms | {} | {} | {cron} |", amount(of("resp")), amount(of("rest")));
    }
    let _ = writeln!(
        text,
        "\n| workers, {WORKERS_DELAY_MS} ms added | over Redis' protocol | over REST |\n| --- | --- | --- |"
    );
    for workers in WORKERS {
        let of = |side: &str| amount(rate(&format!("{side}.workers.{workers}")));
        let _ = writeln!(text, "| {workers} | {} | {} |", of("resp"), of("rest"));
    }
    text
}

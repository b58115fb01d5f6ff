//! The page: tables and charts made of the samples, and of nothing else.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::Outcome;
use crate::chart::{self, Group, Scale};
use crate::machine::Machine;
use crate::measure::{BULK, DELAYS_MS, DEPTHS, IN_FLIGHT};
use crate::stats::{Samples, Spread, count};

/// Dollars for a command: Upstash's pay-as-you-go price, $0.20 for 100,000 (its price list, August 2026).
const DOLLARS_A_COMMAND: f64 = 0.20 / 100_000.0;

/// Minutes in a month of 30 days.
const MINUTES: f64 = 30.0 * 24.0 * 60.0;

/// Seconds in which a processor with the default time box of 50 s makes new claims: the last four are kept for the last round and
/// for settling (`SETTLE_MARGIN`, `MIN_ROUND`).
const HOLDFAST_SECONDS: f64 = 46.0;

/// Seconds BullMQ's worker is given for the same.
const BULLMQ_SECONDS: f64 = 50.0;

const SIDES: [&str; 2] = ["Holdfast over REST", "BullMQ over TCP"];

/// Writes the page, its charts and the samples under `folder`.
pub(crate) fn write(folder: &Path, samples: &Samples, machine: &Machine, rounds: usize, took: Duration) -> Outcome<()> {
    let beside = folder.join("benchmarks");
    fs::create_dir_all(&beside)?;
    for (name, svg) in charts(samples) {
        fs::write(beside.join(name), svg)?;
    }
    fs::write(beside.join("samples.json"), serde_json::to_string_pretty(samples)?)?;
    let builds = fs::read_to_string(beside.join("before-after.json"));
    let builds: Option<Builds> = builds.ok().map(|text| serde_json::from_str(&text)).transpose()?;
    fs::write(folder.join("benchmarks.md"), page(samples, builds.as_ref(), machine, rounds, took))?;
    Ok(())
}

/// A number with as many digits as it deserves.
pub(crate) fn amount(value: f64) -> String {
    match value.abs() {
        10_000.0.. => thousands(value.round()),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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

fn scaled(spread: Option<Spread>, by: f64) -> Option<Spread> {
    spread.map(|s| Spread { median: s.median * by, least: s.least * by, most: s.most * by })
}

/// A row of the tables that compare: what, each side, and how many times as much.
fn row(samples: &Samples, what: &str, name: &str) -> String {
    let (ours, theirs) = (format!("holdfast.{name}"), format!("bullmq.{name}"));
    let ratio = samples.ratio(&ours, &theirs);
    format!("| {what} | {} | {} | {} |\n", spread(samples.of(&ours)), spread(samples.of(&theirs)), spread(ratio))
}

fn page(samples: &Samples, builds: Option<&Builds>, machine: &Machine, rounds: usize, took: Duration) -> String {
    let mut page = String::from("# Benchmarks\n\n");
    let _ = write!(
        page,
        "Written by `benches/peers/run`; every figure and chart here is the run's, none is typed. It took {} s.\n\n- Machine: {}.\n- Versions: {}.\n- Figures are medians of {rounds} rounds, the sides in turn in each, with least and most. Ratios are taken round by round.\n\n",
        took.as_secs(),
        machine.hardware,
        machine.versions
    );
    page.push_str(&goals(samples));
    page.push_str(HOW);
    page.push_str(&throughput(samples));
    page.push_str(&cost(samples));
    page.push_str(&distance(samples));
    page.push_str(&depth(samples));
    if let Some(builds) = builds {
        page.push_str(&compared(builds));
    }
    page
}

fn goals(samples: &Samples) -> String {
    let depths = samples.ratio(&depth_name(DEPTHS[1]), &depth_name(DEPTHS[0]));
    let flow = samples.ratio("holdfast.flow", "bullmq.flow");
    let (commands, calls) = (samples.of("holdfast.commands"), samples.of("holdfast.calls"));
    let verdict = |met: Option<bool>| if met == Some(true) { "met" } else { "**missed**" };
    let mut text = String::from("## The goals\n\n| goal | measured | |\n| --- | --- | --- |\n");
    let rows = [
        ("at most 4 Redis commands a job", commands, commands.map(|s| s.median <= 4.0)),
        ("at most 0.05 HTTP calls a job", calls, calls.map(|s| s.median <= 0.05)),
        ("at least 10 times BullMQ's jobs a second, end to end", flow, flow.map(|s| s.median >= 10.0)),
        ("with 1,000,000 waiting at least 0.9 of the speed with 10,000", depths, depths.map(|s| s.median >= 0.9)),
    ];
    for (goal, measured, met) in rows {
        let _ = writeln!(text, "| {goal} | {} | {} |", spread(measured), verdict(met));
    }
    text.push('\n');
    if flow.is_none_or(|s| s.median < 10.0) {
        text.push_str(&gap(samples));
    }
    text
}

/// What stands between here and ten times as much.
fn gap(samples: &Samples) -> String {
    let ours = |name: &str| amount(samples.median(&format!("holdfast.cpu{name}")));
    format!(
        "Why not ten times: where the cores are shared, CPU time decides. A tenth of BullMQ's is {} microseconds a job. Holdfast takes \
{}: {} in Redis, {} in the REST server, {} in its own process, where a bare pipelined `SET` takes Redis {}. A profile of Redis (perf, by address) has \
one place above all others: Lua hashes every byte of a text that it is given, and a job's document passes through it three times, at \
enqueue, claim and settle. After it come the look-ups of keys, the lease in the sorted set, the attempt in the hash, and one `SET` with an \
expiry for each completed job. The other half was read, not profiled: JSON inside JSON, written and parsed at both ends of each call, \
and a task with a timeout for each handler. Answers in Redis' own form (`Upstash-Response-Format: resp2`) would take a part of that \
away. Where round trips decide, see Distance.\n\n",
        amount(samples.median("bullmq.cpu") / 10.0),
        ours(""),
        ours(".redis"),
        ours(".rest"),
        ours(".program"),
        amount(1_000_000.0 / samples.median("bare.commands")),
    )
}

const HOW: &str = "## What is compared

Both sides use one Redis, started for the run, without persistence. A job carries 100 bytes of JSON. Handlers do nothing.

- **Holdfast** runs the queue and processor its functions run, on one thread, over REST: one HTTP request a bulk, and one that settles a
  round of 250 jobs and claims the next. The REST server is devkit's, in a process of its own; Upstash's is not ours to measure. Its work is
  in Holdfast's figures.
- **BullMQ** runs on Node over TCP, as its documentation says: `addBulk`, one `Worker` with `concurrency: 50`, defaults otherwise, so
  completed jobs are kept. Producer and worker are processes of their own. Both were warmed up by a round that is not counted.

Guarantees: both run a job at least once, keep it while it runs under a lock that lapses, retry it and keep the failed. Holdfast's result
counts only while its claim holds the job, a killed processor's attempt counts, each call may be repeated after a lost reply, and completed jobs
go after a day. BullMQ has priorities, parents, progress, events and rate limits, which cost it commands here.

";

fn throughput(samples: &Samples) -> String {
    let mut text = String::from(
        "## Jobs a second\n\n![jobs a second](benchmarks/throughput.svg)\n\n| | Holdfast | BullMQ | times |\n| --- | --- | --- | --- |\n",
    );
    for (what, name) in THROUGHPUT {
        text.push_str(&row(samples, what, name));
    }
    let _ = write!(
        text,
        "\nEnd to end is a producer with {IN_FLIGHT} bulks of {BULK} on their way and one processor at the same time, from the first job in to the last one done. \
One by one waits for each answer. Redis alone does {} pipelined `SET`s a second here (redis-benchmark, 100 a pipeline), and a script that \
only moves ids from list to list, 100 a call, moves {} a second: no document, no lease, no attempt, no answer.\n\n",
        spread(samples.of("bare.commands")),
        spread(samples.of("bare.moves"))
    );
    text.push_str("CPU time a job, in microseconds, end to end. It says more than the clock where other work shares the machine.\n\n| | Holdfast | BullMQ | times |\n| --- | --- | --- | --- |\n");
    text.push_str(&row(samples, "Redis", "cpu.redis"));
    text.push_str(&row(samples, "REST server", "cpu.rest"));
    text.push_str(&row(samples, "producer and processor", "cpu.program"));
    text.push_str(&row(samples, "in all", "cpu"));
    text.push_str("\nFrom enqueue to done, a job every 5 ms, each waking the processor (without the wake it waits for the cron, half a minute on average), in milliseconds:\n\n| | Holdfast | BullMQ | times |\n| --- | --- | --- | --- |\n");
    text.push_str(&row(samples, "p50", "p50"));
    text.push_str(&row(samples, "p99", "p99"));
    text.push('\n');
    text
}

const THROUGHPUT: [(&str, &str); 4] =
    [("enqueue, one by one", "single"), ("enqueue, bulks of 100", "bulk"), ("process", "work"), ("end to end", "flow")];

fn cost(samples: &Samples) -> String {
    let dollars = |side: &str| amount(samples.median(&format!("{side}.commands")) * DOLLARS_A_COMMAND * 1_000_000.0);
    let idle = |side: &str| amount(samples.median(&format!("{side}.idle")) * DOLLARS_A_COMMAND * MINUTES);
    let mut text = String::from(
        "## Cost\n\n![commands a job](benchmarks/commands.svg)\n\n| | Holdfast | BullMQ | times |\n| --- | --- | --- | --- |\n",
    );
    text.push_str(&row(samples, "Redis commands a job, in bulks of 100, those inside scripts counted", "commands"));
    text.push_str(&row(samples, "of these, to enqueue", "commands.enqueue"));
    text.push_str(&row(samples, "of these, to process", "commands.work"));
    text.push_str(&row(samples, "HTTP calls or round trips a job", "calls"));
    let _ = writeln!(text, "| dollars for a million jobs | {} | {} | |", dollars("holdfast"), dollars("bullmq"));
    text.push_str(&row(samples, "commands in an idle minute", "idle"));
    let _ = writeln!(text, "| dollars for an idle month | {} | {} | |", idle("holdfast"), idle("bullmq"));
    text.push_str(&row(samples, "bytes of Redis' memory a waiting job", "memory"));
    text.push_str("\nAt Upstash's $0.20 for 100,000 commands. Idle is one tick of the cron each minute for Holdfast, one waiting worker for BullMQ.\n\n");
    text
}

fn distance(samples: &Samples) -> String {
    let mut text = String::from(
        "## Distance\n\n![jobs in one invocation](benchmarks/distance.svg)\n\nJobs one processor works off in an invocation of 50 seconds, when each round trip takes so much longer. The same relay holds back what goes to the server on both sides. Measured over about a second of work and extrapolated: for Holdfast to the 46 s in which its time box makes new claims, for BullMQ to 50 s with all fifty jobs under way from the start, though its worker takes the first fifty one after the other.\n\n| added | Holdfast | BullMQ | times |\n| --- | --- | --- | --- |\n",
    );
    for delay in DELAYS_MS {
        let name = format!("delay.{delay}");
        let (ours, theirs) = delayed(samples, delay);
        let ratio = samples.ratio(&format!("holdfast.{name}"), &format!("bullmq.{name}"));
        let ratio = scaled(ratio, HOLDFAST_SECONDS / BULLMQ_SECONDS);
        let _ = writeln!(text, "| {delay} ms | {} | {} | {} |", spread(ours), spread(theirs), spread(ratio));
    }
    text.push('\n');
    text
}

fn delayed(samples: &Samples, delay: u64) -> (Option<Spread>, Option<Spread>) {
    let of = |side: &str, seconds| scaled(samples.of(&format!("{side}.delay.{delay}")), seconds);
    (of("holdfast", HOLDFAST_SECONDS), of("bullmq", BULLMQ_SECONDS))
}

fn depth_name(depth: usize) -> String {
    format!("holdfast.depth.{depth}")
}

fn depth(samples: &Samples) -> String {
    let mut text = String::from(
        "## Depth\n\n![jobs a second by jobs waiting](benchmarks/depth.svg)\n\nJobs Holdfast processes a second while so many wait, filled up again after each short time box.\n\n| waiting | jobs a second |\n| --- | --- |\n",
    );
    for depth in DEPTHS {
        let _ = writeln!(text, "| {} | {} |", amount(count(depth)), spread(samples.of(&depth_name(depth))));
    }
    let ratio = samples.ratio(&depth_name(DEPTHS[1]), &depth_name(DEPTHS[0]));
    let _ = write!(text, "\nThe second over the first: {}.\n\n", spread(ratio));
    text
}

/// Two builds of Holdfast, measured in turn by `--alone`.
#[derive(Deserialize)]
struct Builds {
    before: Samples,
    after: Samples,
}

fn compared(builds: &Builds) -> String {
    let Builds { before, after } = builds;
    let mut text = String::from(
        "## Before and after\n\nBefore claim and settle stopped making a Lua table for each job, documents were read without a map, and the REST server was compiled for speed. Both builds ran in turn with `--alone` (`benchmarks/before-after.json`); the ratio is taken pair by pair, because runs at different times differ more than the builds do. It is not measured again by each run.\n\n| | before | after | times |\n| --- | --- | --- | --- |\n",
    );
    for (what, name) in [
        ("process, jobs a second", "work"),
        ("end to end, jobs a second", "flow"),
        ("CPU of Redis a job, microseconds", "cpu.redis"),
        ("CPU of the REST server", "cpu.rest"),
        ("CPU of producer and processor", "cpu.program"),
        ("CPU in all", "cpu"),
    ] {
        let name = format!("holdfast.{name}");
        let ratio = spread(after.ratio_to(before, &name));
        let _ = writeln!(text, "| {what} | {} | {} | {ratio} |", spread(before.of(&name)), spread(after.of(&name)));
    }
    text.push('\n');
    text
}

fn charts(samples: &Samples) -> Vec<(&'static str, String)> {
    let both = |label: &str, name: &str| Group {
        label: label.to_owned(),
        bars: vec![samples.of(&format!("holdfast.{name}")), samples.of(&format!("bullmq.{name}"))],
    };
    let rates: Vec<Group> = THROUGHPUT.iter().map(|(label, name)| both(label, name)).collect();
    let commands = [both("commands a job", "commands"), both("an idle minute", "idle")];
    let distance = DELAYS_MS.map(|delay| {
        let (ours, theirs) = delayed(samples, delay);
        Group { label: format!("+{delay} ms a round trip"), bars: vec![ours, theirs] }
    });
    let depths = DEPTHS.map(|depth| Group {
        label: format!("{} waiting", amount(count(depth))),
        bars: vec![samples.of(&depth_name(depth))],
    });
    vec![
        ("throughput.svg", chart::bars("Jobs a second", &SIDES, Scale::Linear, &rates)),
        ("commands.svg", chart::bars("Redis commands", &SIDES, Scale::Log, &commands)),
        ("distance.svg", chart::bars("Jobs in an invocation of 50 s (log scale)", &SIDES, Scale::Log, &distance)),
        ("depth.svg", chart::bars("Jobs a second by jobs waiting", &SIDES[..1], Scale::Linear, &depths)),
    ]
}

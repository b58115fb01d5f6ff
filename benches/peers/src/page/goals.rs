//! The goals, what was measured, and where one was missed, why.

use std::fmt::Write;

use serde::Deserialize;

use super::{amount, spread};
use crate::stats::Samples;

pub(super) fn goals(samples: &Samples) -> String {
    let depths = samples.ratio("rest.depth.1000000", "rest.depth.10000");
    let flow = samples.ratio("rest.flow", "bullmq.flow");
    let (commands, calls) = (samples.of("rest.commands"), samples.of("rest.calls"));
    let verdict = |met: Option<bool>| if met == Some(true) { "met" } else { "**missed**" };
    let mut text = String::from("## The goals\n\n| goal, over REST | measured | |\n| --- | --- | --- |\n");
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
    let ours = |name: &str| amount(samples.median(&format!("rest.cpu{name}")));
    format!(
        "Why not ten times: where the cores are shared, CPU time decides. A tenth of BullMQ's is {} microseconds a job. Holdfast takes \
{} over REST: {} in Redis, {} in the REST server, {} in its own processes, where a bare pipelined `SET` takes Redis {}. Over Redis' own protocol, without the \
REST server, it takes {}, and does {} times BullMQ's jobs: ten times is out of reach while Redis alone takes longer than that tenth. {PROFILE}\n\n",
        amount(samples.median("bullmq.cpu") / 10.0),
        ours(""),
        ours(".redis"),
        ours(".rest"),
        ours(".program"),
        amount(1_000_000.0 / samples.median("bare.commands")),
        amount(samples.median("resp.cpu")),
        spread(samples.ratio("resp.flow", "bullmq.flow")),
    )
}

/// What profiles of the three processes say (perf, by function, November 2026). Not measured again by each run.
const PROFILE: &str = "Profiles of the processes in such a run (perf, by function) are flat, so there is no one thing left to mend. Redis: 9 % hash the texts that Lua is given, every byte \
of them, and a job's document passes through Lua three times, at enqueue, claim and settle; about 20 % take and give back memory; 13 % look up keys, as much as \
the one `SET` with an expiry for each completed job takes; 15 % are the network. Holdfast's own processes: a quarter is memory taken, given back and copied, a sixth the \
kernel, and the rest spreads over JSON inside JSON and a task with a timeout for each handler, no function above 4 %. The REST server: a third in the kernel, the rest JSON. \
Where round trips decide, see Distance.";

/// Two builds of Holdfast, measured in turn by `--alone`.
#[derive(Deserialize)]
pub(super) struct Builds {
    before: Samples,
    after: Samples,
}

pub(super) fn compared(builds: &Builds) -> String {
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

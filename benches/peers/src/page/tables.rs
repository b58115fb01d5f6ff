//! What is compared, and every table of it.

use std::fmt::Write;

use super::{DOLLARS_A_COMMAND, MINUTES, amount, in_an_invocation, middle, of, spread};
use crate::bench::{BULK, IN_FLIGHT};
use crate::measure::PACE_MS;
use crate::scale::{DELAYS_MS, DEPTHS, PAYLOADS, SCALED, WORKERS, WORKERS_DELAY_MS};
use crate::sides::Side;
use crate::stats::{Samples, Spread, count};

pub(super) const THROUGHPUT: [(&str, &str); 4] =
    [("enqueue, one by one", "single"), ("enqueue, bulks of 100", "bulk"), ("process", "work"), ("end to end", "flow")];

pub(super) fn all(samples: &Samples) -> String {
    [
        HOW.to_owned(),
        throughput(samples),
        cost(samples),
        distance(samples),
        depth(samples),
        workers(samples),
        payloads(samples),
    ]
    .concat()
}

const HOW: &str = "## What is compared

All use one Redis, started for the run, without persistence. A job carries 100 bytes of JSON. Handlers do nothing. Producer and worker of each are processes of
their own; all were warmed up by a round that is not counted.

| | how it is used | a killed worker's job | a job that kills its worker | finished jobs |
| --- | --- | --- | --- | --- |
| Holdfast, REST | the queue and processor of the functions, on one thread, 250 jobs a claim; the REST server is devkit's, and its work is in the figures: Upstash's is not ours to measure | runs again when its lease lapses, the attempt counted; the late result of the first is refused | is a dead letter after its attempts | kept a day |
| Holdfast, RESP | the same scripts straight over Redis' protocol, as `holdfast work` has them | the same | the same | kept a day |
| BullMQ | as its documentation says: `addBulk`, one `Worker` with `concurrency: 50`, defaults otherwise | runs again when its lock lapses | fails when found stalled twice | kept |
| apalis-redis | its defaults (batches of 10), `concurrency(50)`, `parallelize`, `push_bulk`; looks every millisecond where jobs a second are measured, every 100 ms where latency is, and as by itself, twice a minute, in the idle minute; at most 7,000 jobs wait, since with 8,000 its fetch fails and the worker ends | runs again when heartbeats stay away, after five minutes | runs again and again | results kept |
| rusty-sidekiq | its defaults, 50 workers; no call for many, so 100 are on their way at once | **lost** | lost | gone |
| ARQ | its defaults, `max_jobs=50`, `poll_delay=0` where jobs a second are measured; no call for many, so 100 are on their way at once | runs again when its lock lapses, the attempt counted | fails after its attempts | result kept an hour |

BullMQ has priorities, parents, progress, events and rate limits, which cost it commands here. Holdfast takes a dedupe key, a rate and a pause into account in the same
scripts, and each of its calls may be repeated after a lost reply.

";

/// The head of a table with a column for each queue.
fn head(first: &str, sides: &[Side]) -> String {
    let titles = sides.iter().map(|side| side.title()).collect::<Vec<_>>().join(" | ");
    format!("| {first} | {titles} |\n|{}\n", " --- |".repeat(sides.len() + 1))
}

fn row(what: &str, sides: &[Side], cell: impl Fn(Side) -> String) -> String {
    let cells = sides.iter().map(|side| cell(*side)).collect::<Vec<_>>().join(" | ");
    format!("| {what} | {cells} |\n")
}

fn plain(samples: &Samples, what: &str, name: &str) -> String {
    row(what, &Side::ALL, |side| spread(of(samples, side, name)))
}

fn throughput(samples: &Samples) -> String {
    let mut text = String::from("## Jobs a second\n\n![jobs a second](benchmarks/throughput.svg)\n\n");
    text.push_str(&head("", &Side::ALL));
    for (what, name) in THROUGHPUT {
        text.push_str(&plain(samples, what, name));
    }
    text.push_str(&row("Holdfast over REST, times as much end to end", &Side::ALL, |side| {
        spread(samples.ratio("rest.flow", &format!("{}.flow", side.name())))
    }));
    let _ = write!(
        text,
        "\nEnd to end is a producer with {IN_FLIGHT} bulks of {BULK} on their way and one worker at the same time, from the first job in to the last one done. \
One by one waits for each answer. Redis alone does {} pipelined `SET`s a second here (redis-benchmark, 100 a pipeline), and a script that \
only moves ids from list to list, 100 a call, moves {} a second: no document, no lease, no attempt, no answer.\n\n",
        spread(samples.of("bare.commands")),
        spread(samples.of("bare.moves"))
    );
    text.push_str("CPU time a job, in microseconds, end to end. It says more than the clock where other work shares the machine.\n\n");
    text.push_str(&head("", &Side::ALL));
    for (what, name) in
        [("Redis", "cpu.redis"), ("REST server", "cpu.rest"), ("producer and worker", "cpu.program"), ("in all", "cpu")]
    {
        text.push_str(&plain(samples, what, name));
    }
    let _ = write!(
        text,
        "\nFrom enqueue to done, a job every {PACE_MS} ms, in milliseconds. Each job wakes Holdfast's processor (without the wake it waits for the cron, half a minute on average); \
the others wait or look as their defaults have them, apalis-redis every 100 ms.\n\n"
    );
    text.push_str(&head("", &Side::ALL));
    text.push_str(&plain(samples, "p50", "p50"));
    text.push_str(&plain(samples, "p99", "p99"));
    text.push('\n');
    text
}

fn cost(samples: &Samples) -> String {
    let dollars = |spread: Option<Spread>, times: f64| {
        spread.map_or("-".into(), |spread| amount(spread.median * DOLLARS_A_COMMAND * times))
    };
    let mut text = String::from("## Cost\n\n![commands a job](benchmarks/commands.svg)\n\n");
    text.push_str(&head("", &Side::ALL));
    text.push_str(&plain(samples, "Redis commands a job, in bulks of 100, those inside scripts counted", "commands"));
    text.push_str(&plain(samples, "of these, to enqueue", "commands.enqueue"));
    text.push_str(&plain(samples, "of these, to process", "commands.work"));
    text.push_str(&plain(samples, "calls a job: commands sent, over REST HTTP requests", "calls"));
    text.push_str(&row("dollars for a million jobs", &Side::ALL, |side| dollars(of(samples, side, "commands"), 1e6)));
    text.push_str(&plain(samples, "commands in an idle minute", "idle"));
    text.push_str(&row("dollars for an idle month", &Side::ALL, |side| dollars(of(samples, side, "idle"), MINUTES)));
    text.push_str(&plain(samples, "bytes of Redis' memory a waiting job", "memory"));
    text.push_str(
        "\nAt Upstash's $0.20 for 100,000 commands. Calls are counted on the wire. Idle is one tick of the cron each minute for Holdfast \
and one waiting worker with its defaults for the others; what a resident worker of Holdfast's looks for is in [scaling.md](scaling.md).\n\n",
    );
    text
}

fn distance(samples: &Samples) -> String {
    let mut text = String::from(
        "## Distance\n\n![jobs in one invocation](benchmarks/distance.svg)\n\nJobs one worker works off in an invocation of 50 seconds, when each round trip takes so much longer. The same relay holds back what goes to the server for all. Measured over one to three seconds of work and extrapolated: for Holdfast to the 46 s in which its time box makes new claims, for the others to 50 s with all their jobs under way from the start.\n\n",
    );
    text.push_str(&head("added", &Side::ALL));
    for delay in DELAYS_MS {
        text.push_str(&row(&format!("{delay} ms"), &Side::ALL, |side| spread(in_an_invocation(samples, side, delay))));
    }
    text.push('\n');
    text
}

const OURS: [Side; 2] = [Side::Rest, Side::Resp];

fn depth(samples: &Samples) -> String {
    let mut text = String::from(
        "## Depth\n\n![jobs a second by jobs waiting](benchmarks/depth.svg)\n\nJobs Holdfast processes a second: up to 10,000 from so many waiting to none, beyond that while so many wait, filled up again after each look of a third of a second.\n\n",
    );
    text.push_str(&head("waiting", &OURS));
    for depth in DEPTHS {
        text.push_str(&row(&amount(count(depth)), &OURS, |side| spread(of(samples, side, &format!("depth.{depth}")))));
    }
    let ratio = |side: Side| {
        spread(samples.ratio(&format!("{}.depth.1000000", side.name()), &format!("{}.depth.10000", side.name())))
    };
    text.push_str(&row("1,000,000 over 10,000", &OURS, ratio));
    text.push('\n');
    text
}

fn workers(samples: &Samples) -> String {
    let mut text = format!(
        "## Workers\n\n![jobs a second by workers](benchmarks/workers.svg)\n\nJobs a second of so many workers at once, each a process, with {WORKERS_DELAY_MS} ms added to each round trip. They, Redis and the REST server share this machine's cores, which are full from some number on.\n\n"
    );
    text.push_str(&head("workers", &SCALED));
    for workers in WORKERS {
        text.push_str(&row(&workers.to_string(), &SCALED, |side| {
            spread(of(samples, side, &format!("workers.{workers}")))
        }));
    }
    text.push('\n');
    text
}

fn payloads(samples: &Samples) -> String {
    let mut text = String::from(
        "## Payloads\n\nEnd to end with so many bytes of text in each job: jobs a second, and megabytes of text a second. The last is the most a job of Holdfast's may carry (60 KiB with what is around it); 100 KB are refused with 422, and what is larger belongs elsewhere, with its address in the job. A document of Holdfast's passes through Redis three times, at enqueue, claim and settle: the more a job carries, the less is its lead, and near the limit BullMQ has it.\n\n",
    );
    text.push_str(&head("bytes", &SCALED));
    for (bytes, _) in PAYLOADS {
        text.push_str(&row(&amount(count(bytes)), &SCALED, |side| {
            let rate = of(samples, side, &format!("payload.{bytes}"));
            let megabytes = rate.map(|rate| rate.median * count(bytes) / 1e6);
            format!("{}, {} MB", middle(rate), amount(megabytes.unwrap_or(f64::NAN)))
        }));
    }
    text.push('\n');
    text
}

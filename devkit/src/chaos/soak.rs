//! The soak: a steady load and no faults; every minute, what the processes and Redis need.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::caller::Caller;
use super::child::Task;
use super::world::{Living, World};
use super::{Options, aging, escrows, jobs, page, soak_page};
use crate::clock;

/// Resident processors.
const PROCESSORS: u64 = 2;

/// Jobs for each escrow.
const JOBS_AN_ESCROW: usize = 50;

/// Keys of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keys {
    pub(super) all: u64,
    /// Those that never expire, and the memory they take, in bytes.
    pub(super) kept: u64,
    pub(super) kept_bytes: u64,
}

/// One minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Minute {
    /// Resident memory of each processor and of the routes' server, in KiB.
    pub(super) resident_kib: Vec<u64>,
    /// `used_memory` of Redis, in bytes.
    pub(super) redis_bytes: u64,
    /// Keys by what their name begins with.
    pub(super) keys: BTreeMap<String, Keys>,
    /// Answers of the routes in the minute, and their p50 and p99 in ms.
    pub(super) answers: (usize, u64, u64),
    /// Mails in the minute, and p50 and p99 from when each was due to its delivery in ms.
    pub(super) mails: (usize, i64, i64),
}

impl Minute {
    /// What the keys that never expire take.
    pub(super) fn kept_bytes(&self) -> u64 {
        self.keys.values().map(|keys| keys.kept_bytes).sum()
    }

    /// All else in Redis, itself included.
    pub(super) fn passing_bytes(&self) -> u64 {
        self.redis_bytes.saturating_sub(self.kept_bytes())
    }
}

/// Runs, and writes table and chart.
pub(super) async fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let world = World::start(&options.folder.join("soak"), false).await?;
    let (caller, minutes) = (Caller::new(world.site(), false), options.minutes);
    let mut processes = Vec::new();
    for number in 1..=PROCESSORS {
        processes.push(world.spawn(number, Task::Process { lives_ms: None }, 0)?);
    }
    processes.push(world.spawn(PROCESSORS + 1, Task::Serve { port: world.site_port }, 0)?);
    let length = Duration::from_mins(minutes);
    let count = usize::try_from(options.rate * minutes * 60)?;
    let started = clock::rfc3339(clock::now_ms());
    let load = async {
        let (produced, (), series) = tokio::join!(
            jobs::produce(&caller, 1, count, length),
            escrows::lead(&caller, 2, count.div_ceil(JOBS_AN_ESCROW), length),
            watch(&world, &caller, &processes, minutes, options)
        );
        produced?;
        series
    };
    let series = if options.days_a_minute == 0 {
        load.await?
    } else {
        tokio::select! {
            series = load => series?,
            failed = aging::run(&world, options.days_a_minute) => return Err(failed.err().unwrap_or_else(|| "aging ended".into())),
        }
    };
    let text = soak_page::text(options, &started, &series);
    page::say(&text);
    world.redis.into_inner().stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn watch(
    world: &World,
    caller: &Caller,
    processes: &[Living],
    minutes: u64,
    options: &Options,
) -> Result<Vec<Minute>, Box<dyn Error>> {
    let (started, started_ms) = (Instant::now(), clock::now_ms());
    let mut series = Vec::new();
    for minute in 1..=minutes {
        sleep_until(started + Duration::from_mins(minute)).await;
        let from_ms = started_ms + i64::try_from((minute - 1) * 60_000)?;
        let sample = sample(world, caller, processes, from_ms).await?;
        page::say(&format!("minute {minute}: {sample:?}"));
        series.push(sample);
        // What is there after each minute is there when the run is broken off.
        if let Some(file) = &options.page {
            let started = clock::rfc3339(started_ms);
            page::write(file, "soak", &soak_page::text(options, &started, &series))?;
            soak_page::charts(file, &series)?;
        }
    }
    Ok(series)
}

async fn sample(world: &World, caller: &Caller, processes: &[Living], from_ms: i64) -> Result<Minute, Box<dyn Error>> {
    let mut took: Vec<u64> = caller.took.lock().iter().filter(|(at, _)| *at >= from_ms).map(|(_, ms)| *ms).collect();
    let due: BTreeMap<usize, i64> =
        caller.accepted.lock().iter().map(|accepted| (accepted.mark, accepted.due_ms)).collect();
    let wait = |mail: crate::mail::Mail| {
        let mark = mail.draft.to.first()?.strip_prefix('m')?.split('@').next()?.parse().ok()?;
        Some(mail.created_at_ms - due.get(&mark)?)
    };
    let mails = world.outbox.mails().into_iter().filter(|mail| mail.created_at_ms >= from_ms);
    let mut waits: Vec<i64> = mails.filter_map(wait).collect();
    Ok(Minute {
        resident_kib: processes.iter().map(|process| process.process.id().map_or(0, resident_kib)).collect(),
        redis_bytes: redis_bytes(world).await?,
        keys: keys(world).await?,
        answers: summary(&mut took),
        mails: summary(&mut waits),
    })
}

/// How many there are, their middle, and the one that 99 of 100 do not exceed.
fn summary<T: Copy + Ord + Default>(all: &mut [T]) -> (usize, T, T) {
    all.sort_unstable();
    let at = |percent: usize| all.get(all.len() * percent / 100).or(all.last()).copied().unwrap_or_default();
    (all.len(), at(50), at(99))
}

fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or_default()
}

async fn redis_bytes(world: &World) -> Result<u64, Box<dyn Error>> {
    let script = "return string.match(redis.call('INFO', 'memory'), 'used_memory:(%d+)')";
    Ok(world.eval(script, &[]).await?.as_str().and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Counts the keys by what stands before their first colon, or second where that is shared by many things.
async fn keys(world: &World) -> Result<BTreeMap<String, Keys>, Box<dyn Error>> {
    let script = "local page = redis.call('SCAN', ARGV[1], 'COUNT', '200') local out = {page[1]} \
                  for _, key in ipairs(page[2]) do local kept = redis.call('PTTL', key) == -1 out[#out + 1] = key \
                    out[#out + 1] = tostring(kept and redis.call('MEMORY', 'USAGE', key) or 0) end return out";
    let (mut cursor, mut keys) = ("0".to_owned(), BTreeMap::<String, Keys>::new());
    loop {
        let found = world.eval(script, &[&cursor]).await?;
        let page: Vec<&str> = found.as_array().into_iter().flatten().filter_map(|word| word.as_str()).collect();
        for pair in page.get(1..).unwrap_or_default().chunks_exact(2) {
            let count = keys.entry(pattern(pair[0])).or_default();
            let kept_bytes = pair[1].parse().unwrap_or(0);
            count.all += 1;
            count.kept += u64::from(kept_bytes > 0);
            count.kept_bytes += kept_bytes;
        }
        cursor = page.first().map_or_else(|| "0".to_owned(), |cursor| (*cursor).to_owned());
        if cursor == "0" {
            return Ok(keys);
        }
    }
}

fn pattern(key: &str) -> String {
    let first = key.split(':').next().unwrap_or(key);
    match first {
        "queue" | "stats" | "mail" => key.split(':').take(2).collect::<Vec<_>>().join(":"),
        "audit" if key.starts_with("audit:job:") => "audit:job:*".to_owned(),
        "audit" => key.to_owned(),
        _ if key.contains(':') => format!("{first}:*"),
        _ => key.to_owned(),
    }
}

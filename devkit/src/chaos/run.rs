//! A run: the world, the faults, the load, the end, and the verdict.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::caller::{Ask, Caller};
use super::evidence::{Evidence, Kill};
use super::fate::Plan;
use super::world::World;
use super::{Options, child, drain, escrows, gather, invocations, jobs, leases, nature, page, verdict};
use crate::clock;

/// Jobs for each escrow.
const JOBS_AN_ESCROW: usize = 20;

/// Runs, checks, prints the table; says so where a promise was broken.
pub(super) async fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let plan = Plan::new(seed, options);
    page::say(&format!("seed {seed}: {plan}"));
    let world = World::start(&options.folder.join(seed.to_string()), !options.lose_last_second).await?;
    let started = Instant::now();
    let done = act(&world, &plan, options).await?;

    let evidence = finish(&world, &done).await?;
    let leases = leases::read(&evidence.written, evidence.drained_from, &evidence.kills, child::IDS);
    let checks = verdict::check(&evidence, &leases);
    let (site_kills, redriven) = (done.site_kills, done.redriven);
    let figures =
        page::Figures { options, seed, plan: &plan, evidence: &evidence, leases: &leases, site_kills, redriven };
    let text = figures.text(&checks, started.elapsed());
    page::say(&text);
    if let Some(file) = &options.page {
        page::write(file, figures.section(), &text)?;
    }
    world.redis.into_inner().stop().await;
    let broken: Vec<_> = checks.iter().filter(|check| !check.broken.is_empty()).collect();
    for check in &broken {
        page::say(&format!("BROKEN, {}: {:?}", check.name, &check.broken[..check.broken.len().min(5)]));
    }
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    page::say(&format!("The evidence is in {}. Again: --seed {seed}", world.folder.display()));
    Ok(ExitCode::FAILURE)
}

/// What is left of the time in which things went wrong.
struct Done {
    caller: Caller,
    kills: Vec<Kill>,
    site_kills: u32,
    drained_from: i64,
    redriven: u64,
    amounts: BTreeMap<String, [i64; 4]>,
}

async fn act(world: &World, plan: &Plan, options: &Options) -> Result<Done, Box<dyn Error>> {
    let caller = Caller::new(world.site(), true);
    let (kill, killed) = tokio::sync::mpsc::unbounded_channel();
    let acted = async {
        let kills = befall(world, plan, options, &caller, &kill).await?;
        nature::calm(world);
        page::say("the faults are over; what is left is worked off");
        let drained_from = clock::now_ms() / 1_000;
        let patient = Caller::new(world.site(), false);
        let redriven = drain::drain(world, &patient).await?;
        let escrows = caller.escrows.lock().clone();
        let amounts = amounts(&patient, &escrows).await;
        // The server of the routes has done its part.
        drop(kill);
        Ok::<_, Box<dyn Error>>((kills, drained_from, redriven, amounts))
    };
    let (acted, site_kills) = tokio::join!(acted, invocations::site(world, killed));
    let (kills, drained_from, redriven, amounts) = acted?;
    Ok(Done { kills, site_kills: site_kills?, drained_from, redriven, amounts, caller })
}

/// The time in which things go wrong: faults, processors and load together.
async fn befall(
    world: &World,
    plan: &Plan,
    options: &Options,
    caller: &Caller,
    kill: &UnboundedSender<()>,
) -> Result<Vec<Kill>, Box<dyn Error>> {
    let length = Duration::from_mins(options.minutes);
    let until_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut rng = Rng::with_seed(plan.producers);
    let (first, second, escrows) = (rng.u64(..), rng.u64(..), options.jobs.div_ceil(JOBS_AN_ESCROW));
    let (befell, kills, produced, ()) = tokio::join!(
        nature::befall(world, plan, Instant::now(), kill, until_ms),
        invocations::run(world, plan),
        jobs::produce(caller, first, options.jobs, length),
        escrows::lead(caller, second, escrows, length),
    );
    befell?;
    produced?;
    kills
}

/// What the routes say of each escrow's amounts.
async fn amounts(caller: &Caller, escrows: &[String]) -> BTreeMap<String, [i64; 4]> {
    let mut amounts = BTreeMap::new();
    for id in escrows {
        let (path, body) = (format!("/api/escrow/{id}"), String::new());
        let ask = Ask { method: Method::GET, path, bearer: escrows::ADMIN, key: String::new(), body };
        if let Some((200, shown)) = caller.insist(&mut Rng::with_seed(0), &ask).await {
            let read = |name: &str| shown["amounts"][name].as_i64().unwrap_or(-1);
            amounts.insert(id.clone(), ["held", "released", "refunded", "remaining"].map(read));
        }
    }
    amounts
}

async fn finish(world: &World, done: &Done) -> Result<Evidence, Box<dyn Error>> {
    let mut evidence = gather::gather(world, &done.amounts).await?;
    evidence.accepted.clone_from(&done.caller.accepted.lock());
    evidence.kills.clone_from(&done.kills);
    evidence.drained_from = done.drained_from;
    Ok(evidence)
}

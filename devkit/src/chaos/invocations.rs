//! The cron: starts processors, kills and freezes them as the plan says, and writes down when.

use std::error::Error;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::child::Task;
use super::evidence::Kill;
use super::fate::{FROZEN_MS, Fate, Plan};
use super::world::{Living, World};
use crate::{clock, fault};

/// Where the server of the routes begins to count its processes, far above the cron's.
const FIRST_SITE: u64 = 5_000;

/// Calls the cron's processes into being, one a fate, and waits for the end of all.
pub(super) async fn run(world: &World, plan: &Plan) -> Result<Vec<Kill>, Box<dyn Error>> {
    let (mut living, mut kills, mut at) = (JoinSet::new(), Vec::new(), Instant::now());
    for (number, fate) in (1..).zip(&plan.fates) {
        at += Duration::from_millis(fate.gap_ms);
        sleep_until(at).await;
        let process = start(world, number, fate)?;
        living.spawn(live(number, process, *fate));
        while let Some(ended) = living.try_join_next() {
            kills.extend(ended?);
        }
    }
    while let Some(ended) = living.join_next().await {
        kills.extend(ended?);
    }
    Ok(kills)
}

fn start(world: &World, number: u64, fate: &Fate) -> Result<Living, Box<dyn Error>> {
    let task = Task::Process { lives_ms: Some(fate.lives_ms) };
    world.spawn(number, task, fate.skew_ms)
}

/// One process, to its end.
async fn live(number: u64, mut living: Living, fate: Fate) -> Option<Kill> {
    if let Some(ms) = fate.killed_after_ms {
        fault::pause(ms).await;
        let at_ms = clock::now_ms();
        living.process.kill().await.ok()?;
        return Some(Kill { number, at_ms });
    }
    if let (Some(ms), Some(id)) = (fate.frozen_after_ms, living.process.id()) {
        fault::pause(ms).await;
        signal(id, "-STOP").await;
        fault::pause(FROZEN_MS).await;
        signal(id, "-CONT").await;
    }
    drop(living.process.wait().await);
    None
}

async fn signal(id: u32, name: &str) {
    drop(Command::new("kill").args([name, &id.to_string()]).status().await);
}

/// Keeps the server of the routes alive: each message kills it, and another takes its place.
pub(super) async fn site(world: &World, mut kill: tokio::sync::mpsc::UnboundedReceiver<()>) -> Result<u32, String> {
    let mut kills = 0;
    for number in FIRST_SITE.. {
        let mut living = {
            let task = Task::Serve { port: world.site_port };
            world.spawn(number, task, 0).map_err(|error| error.to_string())?
        };
        tokio::select! {
            asked = kill.recv() => {
                drop(living.process.kill().await);
                if asked.is_none() {
                    return Ok(kills);
                }
                kills += 1;
            }
            // Its port may still be taken by the one before.
            _ = living.process.wait() => fault::pause(50).await,
        }
    }
    Ok(kills)
}

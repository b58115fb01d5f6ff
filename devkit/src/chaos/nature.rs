//! Lets befall the world what the plan says.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep_until};

use super::fate::{Event, Plan};
use super::world::World;
use crate::fault::{self, Fault};
use crate::plan;
use crate::rest::Fault as RestFault;
use crate::webhooks::Reply;

/// More calls than an outage lasts for.
const ALL: u32 = 1_000_000;

/// How often the next faults of the network are planned, in ms.
const NETWORK_EVERY_MS: u64 = 250;

/// Works the plan's events off, in order; says when the site is to be killed.
pub(super) async fn befall(
    world: &World,
    plan: &Plan,
    started: Instant,
    kill_site: &tokio::sync::mpsc::UnboundedSender<()>,
    until_ms: u64,
) -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::with_seed(plan.network);
    let mut events = plan.events.iter().peekable();
    let (mut now_ms, mut lost) = (0, 0);
    while now_ms < until_ms {
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= now_ms) {
            match event {
                Event::KillSite => drop(kill_site.send(())),
                Event::LoseLastSecond => {
                    lost += 1;
                    lose_last_second(world, lost).await?;
                }
                event => befalls(world, *event).await?,
            }
        }
        disturb(world, &mut rng);
        sleep_until(started + Duration::from_millis(now_ms + NETWORK_EVERY_MS)).await;
        now_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    }
    calm(world);
    Ok(())
}

/// Ends all that goes wrong and is not over.
pub(super) fn calm(world: &World) {
    world.rest.faults().clear();
    world.outbox.faults().clear();
    world.stripe.faults().clear();
    world.sink.replies().clear();
}

/// Plans what some of the next calls to Redis meet, and lets some of the other services' answers take their time, so that a process is
/// killed with jobs in its hands.
fn disturb(world: &World, rng: &mut Rng) {
    world.outbox.faults().next(rng.u32(..5), Fault::Slow { ms: rng.u64(100..1_200) });
    world.sink.replies().next(rng.u32(..5), Reply::Slow { ms: rng.u64(100..1_200) });
    for _ in 0..rng.u32(..3) {
        let fault = match rng.u32(..14) {
            0 | 1 => RestFault::Refused,
            2 | 3 => RestFault::ReplyLost,
            4 => RestFault::ReplyCut,
            5 => RestFault::Status(500),
            6 => RestFault::Status(429),
            7 => RestFault::StatusAfter(502),
            8 => RestFault::Stall,
            9 => RestFault::StallAfter,
            _ => RestFault::Latency(Duration::from_millis(rng.u64(20..900))),
        };
        world.rest.faults().at(rng.u64(1..12), fault);
    }
}

/// Has a part answer everything like this for so long.
async fn all_answer<A: Clone>(plan: &plan::Plan<A>, answer: A, ms: u64) {
    plan.next(ALL, answer);
    fault::pause(ms).await;
    plan.clear();
}

async fn befalls(world: &World, event: Event) -> Result<(), Box<dyn Error>> {
    let status = |status| Reply::Status { status, retry_after_secs: None };
    match event {
        Event::RestartRedis => {
            let mut redis = world.redis.lock().await;
            redis.kill().await;
            redis.restart().await?;
        }
        Event::OutOfMemory(ms) => {
            world.tell_redis("CONFIG SET maxmemory 1mb").await?;
            fault::pause(ms).await;
            world.tell_redis("CONFIG SET maxmemory 0").await?;
        }
        Event::DiskFull(ms) => {
            // What it would write to is a folder: every save fails, and Redis takes no writes while saves fail.
            std::fs::create_dir_all(world.folder.join("redis/full.rdb"))?;
            for command in ["CONFIG SET dbfilename full.rdb", "CONFIG SET save \"3600 1\"", "BGSAVE"] {
                world.tell_redis(command).await?;
            }
            fault::pause(ms).await;
            world.tell_redis("CONFIG SET save \"\"").await?;
        }
        Event::MailOutage(ms) => {
            all_answer(world.outbox.faults(), Fault::Status { status: 503 }, ms).await;
        }
        Event::MailStorm(ms) => {
            all_answer(world.outbox.faults(), Fault::RateLimited { retry_after_secs: 2 }, ms).await;
        }
        Event::HookOutage(ms) => {
            world.sink.replies().next(20, Reply::Closed);
            all_answer(world.sink.replies(), status(503), ms).await;
        }
        Event::HookStorm(ms) => {
            all_answer(world.sink.replies(), Reply::Status { status: 429, retry_after_secs: Some(2) }, ms).await;
        }
        Event::StripeOutage(ms) => {
            all_answer(world.stripe.faults(), Fault::Status { status: 503 }, ms).await;
        }
        Event::StripeStorm(ms) => {
            all_answer(world.stripe.faults(), Fault::RateLimited { retry_after_secs: 1 }, ms).await;
        }
        Event::StripeAnswersLost(times) => world.stripe.faults().next(times, Fault::AnswerLost),
        Event::MailAnswersLost(times) => world.outbox.faults().next(times, Fault::AnswerLost),
        Event::KillSite | Event::LoseLastSecond => {}
    }
    Ok(())
}

/// Kills Redis and takes from its file what it wrote in the last second and the one that had begun, as a machine that loses its power
/// may with `appendfsync everysec`. What is taken goes into a file of its own.
async fn lose_last_second(world: &World, number: u32) -> Result<(), Box<dyn Error>> {
    let now = crate::clock::now_ms() / 1_000;
    let mut redis = world.redis.lock().await;
    redis.kill().await;
    let path = world.append_only_file();
    let written = std::fs::read(&path)?;
    let keep = start_of_second(&written, now - 1).unwrap_or(written.len());
    write_tail(&world.folder, number, &written[keep..])?;
    std::fs::OpenOptions::new().write(true).open(&path)?.set_len(keep as u64)?;
    redis.restart().await?;
    Ok(())
}

fn write_tail(folder: &Path, number: u32, tail: &[u8]) -> std::io::Result<()> {
    std::fs::write(folder.join(format!("lost-{number}.aof")), tail)
}

/// Where the first mark of this second or a later one stands.
fn start_of_second(written: &[u8], second: i64) -> Option<usize> {
    const MARK: &[u8] = b"\n#TS:";
    let at = |from: usize| {
        let text: Vec<u8> = written[from + MARK.len()..].iter().copied().take_while(u8::is_ascii_digit).collect();
        String::from_utf8(text).ok()?.parse::<i64>().ok()
    };
    let marks = (0..written.len().saturating_sub(MARK.len())).filter(|from| written[*from..].starts_with(MARK));
    let found = marks.into_iter().find(|from| at(*from).is_some_and(|marked| marked >= second));
    found.map(|from| from + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_begins_at_its_mark() {
        let written = b"#TS:10\r\n*1\r\n$4\r\nPING\r\n#TS:11\r\n*1\r\n$4\r\nPING\r\n#TS:13\r\n*1\r\n$4\r\nPING\r\n";
        let from = start_of_second(written, 12).unwrap();
        assert!(written[from..].starts_with(b"#TS:13"));
        assert_eq!(start_of_second(written, 14), None);
    }
}

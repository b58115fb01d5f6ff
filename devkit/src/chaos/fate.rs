//! What goes wrong, and when: all of it follows from the seed.

use std::fmt;

use fastrand::Rng;

use super::Options;

/// Something that befalls what the processes stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Redis dies by SIGKILL and comes back with its append-only file.
    RestartRedis,
    /// The same, and the file has lost its last second.
    LoseLastSecond,
    /// Redis has no memory left for this long.
    OutOfMemory(u64),
    /// Redis cannot write to its disk for this long.
    DiskFull(u64),
    /// Nobody delivers mails for this long.
    MailOutage(u64),
    /// The mail provider answers 429 with `Retry-After` for this long.
    MailStorm(u64),
    /// The partner's server is down for this long.
    HookOutage(u64),
    /// The partner's server answers 429 with `Retry-After` for this long.
    HookStorm(u64),
    /// Stripe answers 503 for this long.
    StripeOutage(u64),
    /// Stripe answers 429 for this long.
    StripeStorm(u64),
    /// Stripe acts and its answer is lost, so many times.
    StripeAnswersLost(u32),
    /// The mail provider acts and its answer is lost, so many times.
    MailAnswersLost(u32),
    /// The server of the routes dies by SIGKILL.
    KillSite,
}

/// What becomes of one call of the cron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Ms after the call before; 0 where the cron's call is doubled, and long where some are missing.
    pub gap_ms: u64,
    /// When the process ends by itself, in ms.
    pub lives_ms: u64,
    /// When it is killed, in ms.
    pub killed_after_ms: Option<u64>,
    /// When it is frozen, for longer than its leases, in ms.
    pub frozen_after_ms: Option<u64>,
    /// How wrong its clock is, in ms.
    pub skew_ms: i64,
}

/// How long a frozen process stays frozen, in ms: longer than the leases of a run.
pub(super) const FROZEN_MS: u64 = 14_000;

/// All that goes wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// By the ms from the start.
    pub events: Vec<(u64, Event)>,
    /// One for each call of the cron.
    pub fates: Vec<Fate>,
    /// What the REST server's calls meet follows from this.
    pub network: u64,
    /// What producers do follows from this.
    pub producers: u64,
}

impl Plan {
    /// Makes the plan of a seed.
    pub fn new(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::with_seed(seed);
        let length_ms = options.minutes * 60_000;
        let mut events = Vec::new();
        // Something befalls a part every four seconds, Redis itself every twenty.
        let mut at = 2_000;
        while at + 4_000 < length_ms {
            events.push((at, event(&mut rng)));
            at += rng.u64(2_000..6_000);
        }
        let mut at = rng.u64(8_000..15_000);
        while at + 4_000 < length_ms {
            let loses = options.lose_last_second && rng.bool();
            events.push((at, if loses { Event::LoseLastSecond } else { Event::RestartRedis }));
            at += rng.u64(12_000..28_000);
        }
        events.sort_by_key(|(at, _)| *at);
        let calls = options.kills.max(1) * 5 / 4 + 8;
        let gap = length_ms / (options.kills.max(1) as u64 * 5 / 4 + 1);
        let fates = fates(&mut rng, calls, gap.max(20), options.kills);
        Self { events, fates, network: rng.u64(..), producers: rng.u64(..) }
    }
}

fn event(rng: &mut Rng) -> Event {
    let ms = rng.u64(500..3_000);
    match rng.u32(..12) {
        0 => Event::OutOfMemory(ms),
        1 => Event::DiskFull(ms),
        2 => Event::MailOutage(ms),
        3 => Event::MailStorm(ms),
        4 => Event::HookOutage(ms),
        5 => Event::HookStorm(ms),
        6 => Event::StripeOutage(ms),
        7 => Event::StripeStorm(ms),
        8 => Event::StripeAnswersLost(rng.u32(1..6)),
        9 => Event::MailAnswersLost(rng.u32(1..20)),
        _ => Event::KillSite,
    }
}

/// As many are killed as asked for; of the others some are frozen.
fn fates(rng: &mut Rng, calls: usize, gap: u64, kills: usize) -> Vec<Fate> {
    let mut killed: Vec<bool> = (0..calls).map(|call| call < kills).collect();
    rng.shuffle(&mut killed);
    let fate = |killed: bool| {
        let gap_ms = match rng.u32(..10) {
            0 => 0,
            1 => gap * 3,
            _ => rng.u64(gap / 2..=gap),
        };
        let frozen = !killed && rng.u32(..5) == 0;
        Fate {
            gap_ms,
            lives_ms: rng.u64(2_500..4_000),
            killed_after_ms: killed.then(|| rng.u64(60..2_200)),
            frozen_after_ms: frozen.then(|| rng.u64(200..1_500)),
            skew_ms: if rng.u32(..4) == 0 { rng.i64(-120_000..120_000) } else { 0 },
        }
    };
    killed.into_iter().map(fate).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |of: fn(&Event) -> bool| self.events.iter().filter(|(_, event)| of(event)).count();
        let fates = |of: fn(&Fate) -> bool| self.fates.iter().filter(|fate| of(fate)).count();
        write!(
            f,
            "{} kills and {} freezes of processors, {} kills of the routes' server, {} crashes of Redis, {} full memories and disks, {} outages, {} storms of 429",
            fates(|fate| fate.killed_after_ms.is_some()),
            fates(|fate| fate.frozen_after_ms.is_some()),
            count(|event| *event == Event::KillSite),
            count(|event| matches!(event, Event::RestartRedis | Event::LoseLastSecond)),
            count(|event| matches!(event, Event::OutOfMemory(_) | Event::DiskFull(_))),
            count(|event| matches!(event, Event::MailOutage(_) | Event::HookOutage(_) | Event::StripeOutage(_))),
            count(|event| matches!(event, Event::MailStorm(_) | Event::HookStorm(_) | Event::StripeStorm(_))),
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
        let options = Options::parse_from(["chaos", "--minutes", "2", "--kills", "50"]);
        let plan = Plan::new(7, &options);
        assert_eq!(plan, Plan::new(7, &options));
        assert_ne!(plan, Plan::new(8, &options));
        assert_eq!(plan.fates.iter().filter(|fate| fate.killed_after_ms.is_some()).count(), 50);
    }
}

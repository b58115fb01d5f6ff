//! The queues that are compared, each with a producer and a worker in processes of their own.

use std::env;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::children::Driver;

/// One queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Rest,
    Resp,
    BullMq,
    Apalis,
    Sidekiq,
    Arq,
}

impl Side {
    pub(crate) const ALL: [Self; 6] = [Self::Rest, Self::Resp, Self::BullMq, Self::Apalis, Self::Sidekiq, Self::Arq];

    /// Its name among the samples.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Resp => "resp",
            Self::BullMq => "bullmq",
            Self::Apalis => "apalis",
            Self::Sidekiq => "sidekiq",
            Self::Arq => "arq",
        }
    }

    /// Its name for readers.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Rest => "Holdfast, REST",
            Self::Resp => "Holdfast, RESP",
            Self::BullMq => "BullMQ",
            Self::Apalis => "apalis-redis",
            Self::Sidekiq => "rusty-sidekiq",
            Self::Arq => "ARQ",
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Rest | Self::Resp)
    }

    /// Jobs of a measurement. Chosen: half a second to a few on two quiet cores.
    pub(crate) const fn jobs(self) -> u64 {
        match self {
            Self::Rest | Self::Resp => 20_000,
            Self::BullMq | Self::Sidekiq => 8_000,
            Self::Apalis => 5_000,
            Self::Arq => 2_000,
        }
    }

    /// Jobs that may wait at once: with 8,000 and more the script by which apalis-redis fetches fails, and the worker ends.
    pub(crate) const fn most_waiting(self) -> u64 {
        if matches!(self, Self::Apalis) { 7_000 } else { u64::MAX }
    }

    /// Milliseconds for which a worker starts before it is watched: BullMQ's takes its first fifty jobs one after the other.
    pub(crate) const fn starts_for_ms(self) -> u64 {
        if matches!(self, Self::BullMq) { 150 } else { 30 }
    }

    /// Milliseconds for which it is watched at least: what may wait must last so long.
    pub(crate) const fn watched_for_ms(self) -> u64 {
        if matches!(self, Self::Apalis) { 350 } else { 1_000 }
    }

    /// Jobs that a worker has under way at once: what it gets for one round trip at most.
    pub(crate) const fn under_way(self) -> u64 {
        match self {
            Self::Rest | Self::Resp => 250,
            Self::Apalis => 10,
            _ => 50,
        }
    }
}

/// Where the drivers of others are.
pub(crate) struct Programs {
    pub(crate) bullmq: PathBuf,
    pub(crate) peers: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) arq: PathBuf,
}

impl Programs {
    /// How a driver of `side` is started.
    fn command(&self, side: Side) -> Outcome<Vec<String>> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let ours = text(&env::current_exe()?);
        Ok(match side {
            Side::Rest | Side::Resp => vec![ours, "drive".into(), side.name().into()],
            Side::BullMq => vec!["node".into(), text(&self.bullmq)],
            Side::Apalis | Side::Sidekiq => vec![text(&self.peers), side.name().into()],
            Side::Arq => vec![text(&self.python), text(&self.arq)],
        })
    }

    pub(crate) fn start(&self, side: Side) -> Outcome<Driver> {
        Driver::start(&self.command(side)?)
    }
}

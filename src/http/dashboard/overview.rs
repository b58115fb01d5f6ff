//! The first page: how much of everything there is, what happened lately, and each queue.

use std::time::Duration;

use askama::Template;

use super::chart::{self, Chart};
use super::page::{self, Shell};
use super::problem::Problem;
use super::text::{self, When};
use crate::app::App;
use crate::domain::control::{Rate, TypeRules};
use crate::domain::histogram::percentile;
use crate::domain::job::JobType;
use crate::http::Response;
use crate::queue::{Minutes, Overview, Slot, Span};

/// How far back the page looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Hour,
    SixHours,
    Day,
}

impl Range {
    const ALL: [Self; 3] = [Self::Hour, Self::SixHours, Self::Day];

    /// Reads a number of hours.
    pub(super) fn of_hours(hours: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.hours() == hours)
    }

    fn hours(self) -> u32 {
        match self {
            Self::Hour => 1,
            Self::SixHours => 6,
            Self::Day => 24,
        }
    }

    /// A chart has 60 to 96 bars: each is wide enough to be seen on a phone.
    fn span(self) -> Span {
        match self {
            Self::Hour => Span { slots: 60, slot_minutes: 1 },
            Self::SixHours => Span { slots: 72, slot_minutes: 5 },
            Self::Day => Span { slots: 96, slot_minutes: 15 },
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/overview.html")]
struct Page {
    shell: Shell,
    now: When,
    figures: Figures,
    ranges: Vec<RangeLink>,
    hours: u32,
    charts: [Chart; 4],
    ticks: [String; 3],
    rows: Vec<Row>,
    queues: Vec<QueueRow>,
    all_paused: bool,
}

struct RangeLink {
    hours: u32,
    name: &'static str,
    is_current: bool,
}

/// The numbers at the top.
struct Figures {
    ready: String,
    processing: String,
    waiting: String,
    dead: String,
    has_dead: bool,
    oldest: Option<String>,
    is_late: bool,
}

/// A slot, as a row of numbers.
struct Row {
    from: String,
    done: String,
    retried: String,
    dead: String,
    waited: [String; 2],
    ran: [String; 2],
}

struct QueueRow {
    name: JobType,
    cells: [Cell; 6],
    paused: bool,
    /// Rate and concurrency, where there is a limit.
    limits: Vec<String>,
    /// What is off about its recovery.
    recovery: Option<&'static str>,
}

/// A number of a queue.
struct Cell {
    label: &'static str,
    text: String,
    is_nothing: bool,
    /// Whether it leads to the type's dead letters.
    is_link: bool,
}

/// Writes the page. One call to Redis.
pub(super) async fn show(app: &App, shell: Shell, range: Range) -> Result<Response, Problem> {
    let overview = app.queue()?.overview(range.span()).await?;
    let alert_after = app.config().alert.as_ref().map(|alert| alert.limits.oldest_due).unwrap_or_default();
    let (stats, minutes) = (&overview.stats, &overview.minutes);
    let oldest = overview.oldest_due.age;
    let figures = Figures {
        ready: text::count(stats.ready.values().sum()),
        processing: text::count(stats.in_flight.values().sum()),
        waiting: text::count(stats.waiting),
        dead: text::count(stats.dead_letters),
        has_dead: stats.dead_letters > 0,
        oldest: oldest.map(text::span),
        is_late: oldest.is_some_and(|age| age > alert_after),
    };
    let name = |range| match range {
        Range::Hour => "1 hour",
        Range::SixHours => "6 hours",
        Range::Day => "24 hours",
    };
    let link = |of: Range| RangeLink { hours: of.hours(), name: name(of), is_current: of == range };
    let page = Page {
        shell,
        now: When::new(minutes.now, minutes.now),
        figures,
        ranges: Range::ALL.map(link).into(),
        hours: range.hours(),
        charts: chart::all(minutes),
        ticks: [0, minutes.slots.len() / 2, minutes.slots.len() - 1].map(|slot| time(minutes, slot)),
        rows: minutes.slots.iter().enumerate().rev().filter_map(|(slot, what)| row(minutes, slot, what)).collect(),
        queues: JobType::ALL.map(|job_type| QueueRow::new(&overview, job_type)).into(),
        all_paused: overview.control.rules.paused,
    };
    Ok(page::render(&page)?)
}

fn time(minutes: &Minutes, slot: usize) -> String {
    minutes.begins(slot).to_rfc3339()[11..16].to_owned()
}

/// Writes a slot as a row; nothing where nothing happened.
fn row(minutes: &Minutes, slot: usize, what: &Slot) -> Option<Row> {
    if *what == Slot::default() {
        return None;
    }
    let bounds = |counts: &[u64]| [50, 95].map(|of| percentile(counts, of).map_or("–".to_owned(), chart::bound));
    Some(Row {
        from: time(minutes, slot),
        done: text::count(what.events.completed),
        retried: text::count(what.events.retried),
        dead: text::count(what.events.dead),
        waited: bounds(&what.waited),
        ran: bounds(&what.ran),
    })
}

impl QueueRow {
    fn new(overview: &Overview, name: JobType) -> Self {
        let of = |map: &std::collections::BTreeMap<JobType, u64>| map.get(&name).copied().unwrap_or(0);
        let happened = overview.minutes.types.get(&name).copied().unwrap_or_default();
        let rules = &overview.control.rules;
        let set = rules.types.get(&name).copied().unwrap_or_default();
        let died_again = of(&overview.control.died_again);
        let recovery = match (rules.recovers(name), died_again >= crate::domain::limits::MAX_RECOVERED_DEATHS) {
            (false, _) => Some("no recovery"),
            (true, true) => Some("recovery stopped"),
            _ => None,
        };
        Self {
            name,
            cells: [
                Cell::of("Ready", of(&overview.stats.ready)),
                Cell::age("Oldest", overview.oldest_by_type.get(&name).copied()),
                Cell::of("In flight", of(&overview.stats.in_flight)),
                Cell::of("Done", happened.completed),
                Cell::of("Retried", happened.retried),
                Cell { is_link: happened.dead > 0, ..Cell::of("Died", happened.dead) },
            ],
            paused: set.paused,
            limits: limits(set),
            recovery,
        }
    }
}

impl Cell {
    fn of(label: &'static str, count: u64) -> Self {
        Self { label, text: text::count(count), is_nothing: count == 0, is_link: false }
    }

    fn age(label: &'static str, age: Option<Duration>) -> Self {
        let text = age.map_or_else(|| "–".to_owned(), text::span);
        Self { label, text, is_nothing: age.is_none(), is_link: false }
    }
}

fn limits(set: TypeRules) -> Vec<String> {
    let rate = set.rate.map(|Rate { jobs, period }| format!("{jobs} in {}", text::span(period)));
    let concurrency = set.concurrency.map(|jobs| format!("{jobs} at once"));
    rate.into_iter().chain(concurrency).collect()
}

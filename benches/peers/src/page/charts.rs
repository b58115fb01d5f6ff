//! Which charts there are.

use super::tables::THROUGHPUT;
use super::{amount, in_an_invocation, of};
use crate::chart::{self, Group, Scale};
use crate::scale::{DELAYS_MS, DEPTHS, SCALED, WORKERS, WORKERS_DELAY_MS};
use crate::sides::Side;
use crate::stats::{Samples, count};

pub(super) fn all(samples: &Samples) -> Vec<(&'static str, String)> {
    let group = |label: String, sides: &[Side], name: &str| Group {
        label,
        bars: sides.iter().map(|side| of(samples, *side, name)).collect(),
    };
    let rates: Vec<Group> =
        THROUGHPUT.iter().map(|(label, name)| group((*label).to_owned(), &Side::ALL, name)).collect();
    let commands = [("commands a job", "commands"), ("an idle minute", "idle")]
        .map(|(label, name)| group(label.to_owned(), &Side::ALL, name));
    let distance = DELAYS_MS.map(|delay| Group {
        label: format!("+{delay} ms a round trip"),
        bars: Side::ALL.iter().map(|side| in_an_invocation(samples, *side, delay)).collect(),
    });
    let ours = &SCALED[..2];
    let depths =
        DEPTHS.map(|depth| group(format!("{} waiting", amount(count(depth))), ours, &format!("depth.{depth}")));
    let workers = WORKERS.map(|workers| group(format!("{workers} workers"), &SCALED, &format!("workers.{workers}")));
    let away = format!("Jobs a second, +{WORKERS_DELAY_MS} ms a round trip");
    vec![
        ("throughput.svg", chart::bars("Jobs a second", &Side::ALL, Scale::Linear, &rates)),
        ("commands.svg", chart::bars("Redis commands (log scale)", &Side::ALL, Scale::Log, &commands)),
        ("distance.svg", chart::bars("Jobs in an invocation of 50 s (log scale)", &Side::ALL, Scale::Log, &distance)),
        ("depth.svg", chart::bars("Jobs a second by jobs waiting", ours, Scale::Linear, &depths)),
        ("workers.svg", chart::bars(&away, &SCALED, Scale::Linear, &workers)),
    ]
}

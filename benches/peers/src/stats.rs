//! Samples, and what is said of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
pub(crate) fn count(n: impl TryInto<u64>) -> f64 {
    n.try_into().unwrap_or_default() as f64
}

/// All that was measured: samples by name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Samples(BTreeMap<String, Vec<f64>>);

/// Samples in short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Samples {
    pub(crate) fn add(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// Median, least and most of what was measured under `name`.
    pub(crate) fn of(&self, name: &str) -> Option<Spread> {
        let mut sorted = self.0.get(name)?.clone();
        sorted.sort_by(f64::total_cmp);
        Some(Spread { median: quantile(&sorted, 50), least: *sorted.first()?, most: *sorted.last()? })
    }

    /// The median, which is there once the run is over.
    pub(crate) fn median(&self, name: &str) -> f64 {
        self.of(name).map_or(f64::NAN, |spread| spread.median)
    }

    /// A line for each, for whoever watches.
    pub(crate) fn lines(&self) -> String {
        let line = |name: &String| {
            let Spread { median, least, most } = self.of(name)?;
            Some(format!("{name:<28} {median:>12.2}   {least:.2} to {most:.2}"))
        };
        self.0.keys().filter_map(line).collect::<Vec<_>>().join("\n")
    }

    /// The median of the ratios of two samples run by run, so that what slows a whole run down is in both.
    pub(crate) fn ratio(&self, of: &str, to: &str) -> Option<Spread> {
        ratios(self.0.get(of)?, self.0.get(to)?)
    }

    /// The same of one sample here and in another run.
    pub(crate) fn ratio_to(&self, other: &Self, name: &str) -> Option<Spread> {
        ratios(self.0.get(name)?, other.0.get(name)?)
    }
}

fn ratios(of: &[f64], to: &[f64]) -> Option<Spread> {
    let mut ratios = Samples::default();
    for (of, to) in of.iter().zip(to) {
        ratios.add("ratio", of / to);
    }
    ratios.of("ratio")
}

/// The value that so many in a hundred do not exceed.
pub(crate) fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

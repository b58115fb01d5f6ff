//! The two texts that Prometheus reads: its own, version 0.0.4, and OpenMetrics 1.0.0.
//!
//! The libraries for it write what a process holds in its own registry; ours is in Redis, and what is left of such a library then is what
//! stands here. `promtool check metrics` reads the result in CI.

use std::fmt::Write;
use std::time::Duration;

use crate::domain::histogram::BOUNDS_MS;

/// Which of the texts is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Prometheus' own.
    Prometheus,
    /// OpenMetrics.
    OpenMetrics,
}

/// What sort of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in buckets.
    Histogram,
}

impl Form {
    /// Chooses by an `Accept` header: OpenMetrics only for who asks for it.
    pub(super) fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The text being written.
pub(super) struct Text {
    form: Form,
    text: String,
}

/// One family of metrics, whose samples follow.
pub(super) struct Family<'a> {
    text: &'a mut Text,
    name: &'static str,
    kind: Kind,
}

impl Text {
    pub(super) fn new(form: Form) -> Self {
        Self { form, text: String::new() }
    }

    /// Begins a family; `name` is without `_total`, and ends with its unit where it has one.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // OpenMetrics names a counter's family without what its samples end in; Prometheus with it.
        let end = if kind == Kind::Counter && self.form == Form::Prometheus { "_total" } else { "" };
        let _ = writeln!(self.text, "# HELP {name}{end} {help}");
        let _ = writeln!(self.text, "# TYPE {name}{end} {word}");
        if self.form == Form::OpenMetrics && name.ends_with("_seconds") {
            let _ = writeln!(self.text, "# UNIT {name} seconds");
        }
        Family { text: self, name, kind }
    }

    pub(super) fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

impl Family<'_> {
    /// Writes a sample. Labels are of names and values that need no escaping: types, outcomes.
    pub(super) fn sample(&mut self, labels: &str, value: u64) {
        let end = if self.kind == Kind::Counter { "_total" } else { "" };
        let _ = writeln!(self.text.text, "{}{end}{} {value}", self.name, braces(labels));
    }

    /// Writes a sample that is a time.
    pub(super) fn seconds(&mut self, labels: &str, value: Duration) {
        let _ = writeln!(self.text.text, "{}{} {}", self.name, braces(labels), seconds(ms(value)));
    }

    /// Writes a histogram of the counts of its buckets, the last without a bound, and the sum in milliseconds.
    pub(super) fn histogram(&mut self, labels: &str, counts: &[u64], sum_ms: u64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let (name, text) = (self.name, &mut self.text.text);
        let mut so_far = 0;
        for (n, count) in counts.iter().enumerate() {
            so_far += count;
            let bound = BOUNDS_MS.get(n).map_or_else(|| "+Inf".to_owned(), |bound| seconds(*bound));
            let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {so_far}");
        }
        let _ = writeln!(text, "{name}_sum{} {}", braces(labels), seconds(sum_ms));
        let _ = writeln!(text, "{name}_count{} {so_far}", braces(labels));
    }
}

fn braces(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds as seconds: `0.005`, `2.5`, `60.0`. OpenMetrics wants bounds with a point.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form) -> String {
        let mut text = Text::new(form);
        text.family("x_jobs_done", Kind::Counter, "Jobs done.").sample("type=\"a\"", 3);
        let mut counts = [0; BOUNDS_MS.len() + 1];
        (counts[0], counts[14]) = (2, 1);
        text.family("x_wait_seconds", Kind::Histogram, "Waits.").histogram("", &counts, 61_005);
        text.finish()
    }

    #[test]
    fn a_counter_is_named_as_each_form_wants_it() {
        let start =
            "# HELP x_jobs_done_total Jobs done.\n# TYPE x_jobs_done_total counter\nx_jobs_done_total{type=\"a\"} 3\n";
        assert!(written(Form::Prometheus).starts_with(start));
        let start = "# HELP x_jobs_done Jobs done.\n# TYPE x_jobs_done counter\nx_jobs_done_total{type=\"a\"} 3\n";
        let text = written(Form::OpenMetrics);
        assert!(
            text.starts_with(start) && text.contains("# UNIT x_wait_seconds seconds\n") && text.ends_with("# EOF\n")
        );
    }

    #[test]
    fn buckets_add_up_to_the_count() {
        let text = written(Form::Prometheus);
        for line in [
            "x_wait_seconds_bucket{le=\"0.005\"} 2\n",
            "x_wait_seconds_bucket{le=\"2.5\"} 2\n",
            "x_wait_seconds_bucket{le=\"3600.0\"} 2\n",
            "x_wait_seconds_bucket{le=\"+Inf\"} 3\nx_wait_seconds_sum 61.005\nx_wait_seconds_count 3\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}

//! Charts: bars in an SVG of our own, drawn by nobody's library and without a script.
//!
//! Each bar has two parts, one upon the other. Counts stand on a scale from nothing to a round number; lengths of time on one with a step a bucket,
//! since they go from milliseconds to hours.

use std::fmt::Write;
use std::time::Duration;

use super::text;
use crate::domain::histogram::{BOUNDS_MS, percentile};
use crate::queue::{Minutes, Slot};

/// Height of the drawing, in its own units.
const HEIGHT: u64 = 1_000;

/// Width of a slot, and of the bar in it.
const SLOT: usize = 10;
const BAR: usize = 8;

/// A chart, ready for a page.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// Names of the lower and the upper part, and the class that colours it.
    pub(super) parts: [(&'static str, &'static str); 2],
    /// What it shows, in a few words.
    pub(super) summary: String,
    /// The drawing.
    pub(super) svg: String,
    /// The labels of its scale: the text, and the class that puts it in its place.
    pub(super) scale: Vec<(String, &'static str)>,
    /// The class that draws the lines of its scale.
    pub(super) grid: &'static str,
    /// Whether there is nothing to draw.
    pub(super) is_empty: bool,
}

/// A bar: the heights of its parts, and what it says.
struct Bar {
    parts: [u64; 2],
    says: String,
}

/// Makes the four charts.
pub(super) fn all(minutes: &Minutes) -> [Chart; 4] {
    let events = |slot: &Slot| slot.events;
    [
        counts(minutes, "Done", [("jobs", "done"), ("", "")], |slot| [events(slot).completed, 0]),
        counts(minutes, "Failed", [("for good", "dead"), ("to be tried again", "retried")], |slot| {
            [events(slot).dead, events(slot).retried]
        }),
        lengths(minutes, "Waited, from due to claimed", |slot| &slot.waited),
        lengths(minutes, "Ran, one attempt", |slot| &slot.ran),
    ]
}

fn counts(
    minutes: &Minutes,
    title: &'static str,
    parts: [(&'static str, &'static str); 2],
    of: impl Fn(&Slot) -> [u64; 2],
) -> Chart {
    let values: Vec<[u64; 2]> = minutes.slots.iter().map(of).collect();
    let most = values.iter().map(|[lower, upper]| lower + upper).max().unwrap_or(0);
    let top = round_up(most);
    let height = |value: u64| (value * HEIGHT).div_ceil(top);
    let bars = values.iter().enumerate().map(|(slot, value)| Bar {
        parts: value.map(height),
        says: format!("{}: {}", from_to(minutes, slot), said(*value, parts)),
    });
    let sums = values.iter().fold([0, 0], |[a, b], [lower, upper]| [a + lower, b + upper]);
    let summary = said(sums, parts);
    let scale = [(top, "at-top"), (top / 2, "at-half"), (0, "at-zero")];
    Chart {
        title,
        parts,
        svg: draw(bars, parts.map(|(_, class)| class), &format!("{title}: {summary} in the last {}", length(minutes))),
        summary,
        scale: scale.map(|(value, class)| (text::count(value), class)).into(),
        grid: "halves",
        is_empty: most == 0,
    }
}

fn lengths(minutes: &Minutes, title: &'static str, of: impl Fn(&Slot) -> &[u64]) -> Chart {
    let step = |bucket: usize| HEIGHT * (bucket as u64 + 1) / (BOUNDS_MS.len() as u64 + 1);
    let mut all = vec![0; BOUNDS_MS.len() + 1];
    let bars: Vec<Bar> = minutes
        .slots
        .iter()
        .enumerate()
        .map(|(slot, what)| {
            let counts = of(what);
            all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            match (percentile(counts, 50), percentile(counts, 95)) {
                (Some(half), Some(most)) => Bar {
                    parts: [step(half), step(most) - step(half)],
                    says: format!("{}: half {}, 95 of 100 {}", from_to(minutes, slot), bound(half), bound(most)),
                },
                _ => Bar { parts: [0, 0], says: String::new() },
            }
        })
        .collect();
    let summary = match (percentile(&all, 50), percentile(&all, 95)) {
        (Some(half), Some(most)) => format!("half {}, 95 of 100 {}", bound(half), bound(most)),
        _ => "nothing".to_owned(),
    };
    let parts = [("half of them", "half"), ("95 of 100", "most")];
    // Where the bounds 100 ms, 1 s, 15 s and 10 min are, of fifteen steps.
    let scale = [("100 ms", "at-step-5"), ("1 s", "at-step-8"), ("15 s", "at-step-11"), ("10 min", "at-step-13")];
    Chart {
        title,
        parts,
        svg: draw(bars, parts.map(|(_, class)| class), &format!("{title}: {summary} in the last {}", length(minutes))),
        summary,
        scale: scale.map(|(label, class)| (label.to_owned(), class)).into(),
        grid: "steps",
        is_empty: all.iter().all(|count| *count == 0),
    }
}

/// Says how many of each part there are.
fn said([lower, upper]: [u64; 2], parts: [(&str, &str); 2]) -> String {
    let lower = format!("{} {}", text::count(lower), parts[0].0);
    if parts[1].0.is_empty() { lower } else { format!("{lower}, {} {}", text::count(upper), parts[1].0) }
}

/// Says how long a bucket's values are at most.
pub(super) fn bound(bucket: usize) -> String {
    match BOUNDS_MS.get(bucket) {
        Some(ms) if ms % 1_000 == 0 || *ms < 1_000 => format!("≤ {}", text::span(Duration::from_millis(*ms))),
        Some(ms) => format!("≤ {}.{} s", ms / 1_000, ms % 1_000 / 100),
        None => "> 1 h".to_owned(),
    }
}

fn from_to(minutes: &Minutes, slot: usize) -> String {
    let begins = minutes.begins(slot);
    let ends = begins.plus(Duration::from_mins(u64::from(minutes.span.slot_minutes)));
    format!("{} to {}", &begins.to_rfc3339()[11..16], &ends.to_rfc3339()[11..16])
}

fn length(minutes: &Minutes) -> String {
    match minutes.length().as_secs() / 3_600 {
        1 => "hour".to_owned(),
        hours => format!("{hours} hours"),
    }
}

/// Returns the least of 2, 4, 10, 20, 40, 100 ... that is not less: half of it is a whole number.
fn round_up(most: u64) -> u64 {
    let tens = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
    let mut steps = tens.flat_map(|power| [2, 4, 10].map(|digit| power.saturating_mul(digit)));
    steps.find(|step| *step >= most).unwrap_or(u64::MAX)
}

fn draw(bars: impl IntoIterator<Item = Bar>, classes: [&str; 2], label: &str) -> String {
    let (mut inside, mut slots) = (String::new(), 0);
    for (slot, Bar { parts: [lower, upper], says }) in bars.into_iter().enumerate() {
        slots = slot + 1;
        if lower + upper == 0 {
            continue;
        }
        let x = slot * SLOT + (SLOT - BAR) / 2;
        // The title belongs to the whole column, so that a low bar is found by the mouse as well.
        let _ = write!(
            inside,
            "<g><title>{says}</title><rect class=\"column\" x=\"{}\" width=\"{SLOT}\" height=\"{HEIGHT}\"/>",
            slot * SLOT
        );
        for (class, from, height) in [(classes[0], 0, lower), (classes[1], lower, upper)] {
            if height > 0 {
                let y = HEIGHT.saturating_sub(from + height);
                let _ =
                    write!(inside, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"{height}\"/>");
            }
        }
        inside.push_str("</g>");
    }
    let width = slots * SLOT;
    format!(
        "<svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}\">{inside}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::millis::Millis;
    use crate::queue::{Events, Span};

    fn minutes(slots: Vec<Slot>) -> Minutes {
        let span = Span { slots: u32::try_from(slots.len()).unwrap(), slot_minutes: 1 };
        Minutes { now: Millis(1_800_000_030_000), span, slots, types: BTreeMap::new() }
    }

    #[test]
    fn a_scale_ends_at_a_round_number_whose_half_is_whole() {
        assert_eq!([0, 1, 3, 5, 11, 39, 41, 999].map(round_up), [2, 2, 4, 10, 20, 40, 100, 1_000]);
        assert!(round_up(u64::MAX) > 1 << 62);
    }

    #[test]
    fn bars_stand_upon_each_other_and_say_their_time() {
        let slot = Slot { events: Events { completed: 3, retried: 1, dead: 2 }, ..Slot::default() };
        let [done, failed, waited, _] = all(&minutes(vec![Slot::default(), slot]));
        assert_eq!(done.summary, "3 jobs");
        assert!(done.svg.contains(r#"<rect class="done" x="11" y="250" width="8" height="750"/>"#), "{}", done.svg);
        assert!(done.svg.contains("<title>08:00 to 08:01: 3 jobs</title>"), "{}", done.svg);
        assert!(failed.svg.contains(r#"<rect class="dead" x="11" y="500" width="8" height="500"/>"#), "{}", failed.svg);
        assert!(failed.svg.contains(r#"class="retried" x="11" y="250" width="8" height="250""#), "{}", failed.svg);
        assert!(waited.is_empty && !done.is_empty);
    }

    #[test]
    fn lengths_of_time_have_a_step_a_bucket() {
        let mut slot = Slot::default();
        (slot.waited[4], slot.waited[14]) = (9, 1);
        let [_, _, waited, ran] = all(&minutes(vec![slot]));
        assert_eq!(waited.summary, "half ≤ 100 ms, 95 of 100 > 1 h");
        assert!(waited.svg.contains(r#"class="half" x="1" y="667" width="8" height="333""#), "{}", waited.svg);
        assert!(waited.svg.contains(r#"class="most" x="1" y="0" width="8" height="667""#), "{}", waited.svg);
        assert!(ran.is_empty);
        let bounds = [0, 8, 10, 13, 14].map(bound);
        assert_eq!(bounds, ["≤ 5 ms", "≤ 2.5 s", "≤ 15 s", "≤ 60 min", "> 1 h"]);
    }
}

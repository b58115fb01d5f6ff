//! Bar charts as SVG: one group a question, one bar a side, a line from the least to the most.

use std::fmt::Write;

use crate::page::amount;
use crate::sides::Side;
use crate::stats::Spread;

const WIDTH: f64 = 900.0;
const LABELS: f64 = 190.0;
const NUMBERS: f64 = 80.0;
const BAR: f64 = 15.0;
const GAP: f64 = 14.0;
const TOP: f64 = 64.0;
/// Ours first; told apart in grey too.
const COLOURS: [&str; 6] = ["#0b7285", "#3bc9db", "#495057", "#868e96", "#adb5bd", "#ced4da"];

/// How long a bar is for its value.
#[derive(Clone, Copy)]
pub(crate) enum Scale {
    Linear,
    /// Ten times as much is as much longer everywhere.
    Log,
}

/// One question and what each side answers, where it does.
pub(crate) struct Group {
    pub(crate) label: String,
    pub(crate) bars: Vec<Option<Spread>>,
}

/// Draws a chart; `sides` are the bars of each group.
pub(crate) fn bars(title: &str, sides: &[Side], scale: Scale, groups: &[Group]) -> String {
    let bars = || groups.iter().flat_map(|group| group.bars.iter().flatten());
    let most = bars().map(|bar| bar.most).fold(f64::MIN_POSITIVE, f64::max);
    let least = bars().map(|bar| bar.least).fold(most, f64::min);
    let length = |value: f64| {
        let share = match scale {
            Scale::Linear => value / most,
            // The shortest bar is a tenth of its decade long.
            Scale::Log => (value / least * 1.3).ln() / (most / least * 1.3).ln(),
        };
        share * (WIDTH - LABELS - NUMBERS)
    };
    let (mut body, mut y) = (String::new(), TOP);
    for group in groups {
        let height = group.bars.iter().flatten().map(|_| BAR).sum::<f64>();
        let _ = writeln!(
            body,
            r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{}</text>"#,
            LABELS - 10.0,
            y + height / 2.0 + 5.0,
            group.label
        );
        for (bar, colour) in group.bars.iter().zip(COLOURS) {
            let Some(Spread { median, least, most }) = bar else { continue };
            let (middle, from, to) = (y + BAR / 2.0 - 1.0, LABELS + length(*least), LABELS + length(*most));
            let _ = writeln!(
                body,
                r#"<rect x="{LABELS:.0}" y="{y:.0}" width="{:.1}" height="{:.0}" fill="{colour}"/><path d="M{from:.1} {middle:.1}H{to:.1}" stroke="currentColor" stroke-width="1.5"/><text x="{:.1}" y="{:.1}">{}</text>"#,
                length(*median),
                BAR - 2.0,
                to + 6.0,
                y + 12.0,
                amount(*median)
            );
            y += BAR;
        }
        y += GAP;
    }
    let mut legend = String::new();
    let mut x = LABELS;
    for (side, colour) in sides.iter().zip(COLOURS) {
        let _ = writeln!(
            legend,
            r#"<rect x="{x:.0}" y="38" width="12" height="12" fill="{colour}"/><text x="{:.0}" y="49">{}</text>"#,
            x + 18.0,
            side.title()
        );
        x += 118.0;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0} {y:.0}" font-family="system-ui, sans-serif" font-size="13" fill="#343a40" color="#343a40" role="img" aria-label="{title}">
<rect width="100%" height="100%" fill="#fff"/>
<text x="{LABELS:.0}" y="24" font-size="16" font-weight="600">{title}</text>
{legend}{body}</svg>
"##
    )
}

//! The soak's table and chart.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::soak::{Keys, Minute};
use super::{Options, page};

/// Rows of the table. Chosen: an hour fits on a screen, in steps of five minutes.
const ROWS: usize = 13;

/// Writes the table.
pub(super) fn text(options: &Options, started: &str, series: &[Minute]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Begun {started}, {} minutes at {} jobs a second and an escrow for every fifty, {}: `cargo run -p devkit --bin chaos -- --soak --minutes {} --rate {}`. \
         A debug build; two resident processors and the routes' server, each a process of its own.{}\n",
        series.len(),
        options.rate,
        page::machine(),
        options.minutes,
        options.rate,
        aged(options)
    );
    let _ = writeln!(
        text,
        "| minute | processors, MiB | routes, MiB | Redis, MiB | kept for good, MiB | the rest, MiB | keys | that never expire | answers/min | p50, ms | p99, ms | mails/min | to delivery p50, ms | p99, ms |"
    );
    let _ = writeln!(text, "|{}", " ---: |".repeat(14));
    let step = series.len().div_ceil(ROWS).max(1);
    let shown = |minute: &usize| minute.is_multiple_of(step) || *minute == 1 || *minute == series.len();
    for (minute, at) in (1..).zip(series).filter(|(minute, _)| shown(minute)) {
        let mib = |kib: u64| format!("{}.{}", kib / 1_024, kib % 1_024 * 10 / 1_024);
        let (site, processors) =
            at.resident_kib.split_last().map_or((0, Vec::new()), |(site, rest)| (*site, rest.to_vec()));
        let processors: Vec<String> = processors.into_iter().map(mib).collect();
        let sum = |of: fn(&Keys) -> u64| at.keys.values().map(of).sum::<u64>();
        let (all, kept) = (sum(|keys| keys.all), sum(|keys| keys.kept));
        let _ = writeln!(
            text,
            "| {minute} | {} | {} | {} | {} | {} | {all} | {kept} | {} | {} | {} | {} | {} | {} |",
            processors.join(", "),
            mib(site),
            mib(at.redis_bytes / 1_024),
            mib(at.kept_bytes() / 1_024),
            mib(at.passing_bytes() / 1_024),
            at.answers.0,
            at.answers.1,
            at.answers.2,
            at.mails.0,
            at.mails.1,
            at.mails.2
        );
    }
    text.push_str(&keys(series));
    text
}

/// What was done to the expiry of keys.
fn aged(options: &Options) -> String {
    match options.days_a_minute {
        0 => String::new(),
        1 => " What Redis keeps for a time expired as if each minute were a day.".to_owned(),
        days => format!(" What Redis keeps for a time expired as if each minute were {days} days."),
    }
}

/// Keys by pattern, at the first, the middle and the last minute.
fn keys(series: &[Minute]) -> String {
    let (Some(first), Some(middle), Some(last)) = (series.first(), series.get(series.len() / 2), series.last()) else {
        return String::new();
    };
    let mut text = "\n| keys | first minute | middle | last minute | of these never expire |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
    let patterns: BTreeSet<&String> = series.iter().flat_map(|minute| minute.keys.keys()).collect();
    for pattern in patterns {
        let at = |minute: &Minute| minute.keys.get(pattern).copied().unwrap_or_default();
        let _ = writeln!(
            text,
            "| `{pattern}` | {} | {} | {} | {} |",
            at(first).all,
            at(middle).all,
            at(last).all,
            at(last).kept
        );
    }
    text
}

/// Draws the chart beside the page.
pub(super) fn charts(file: &Path, series: &[Minute]) -> std::io::Result<()> {
    let folder = file.with_extension("");
    std::fs::create_dir_all(&folder)?;
    let line = |name, of: fn(&Minute) -> u64| Line { name, values: series.iter().map(of).collect() };
    let memory = [
        line("processor 1, KiB", |at| at.resident_kib.first().copied().unwrap_or(0)),
        line("processor 2, KiB", |at| at.resident_kib.get(1).copied().unwrap_or(0)),
        line("routes, KiB", |at| at.resident_kib.last().copied().unwrap_or(0)),
        line("Redis less what is kept, KiB", |at| at.passing_bytes() / 1_024),
    ];
    let latency = [
        line("answers p50, ms", |at| at.answers.1),
        line("answers p99, ms", |at| at.answers.2),
        line("due to delivered p50, ms", |at| at.mails.1.unsigned_abs()),
        line("due to delivered p99, ms", |at| at.mails.2.unsigned_abs()),
    ];
    std::fs::write(folder.join("memory.svg"), svg("Memory by the minute", &memory))?;
    std::fs::write(folder.join("latency.svg"), svg("Latency by the minute", &latency))
}

struct Line {
    name: &'static str,
    values: Vec<u64>,
}

/// Width, height and margin of a chart.
const SIZE: (u64, u64, u64) = (760, 320, 48);

const COLORS: [&str; 4] = ["#2f5bd7", "#d7702f", "#2f9d5b", "#8a3fb5"];

fn svg(title: &str, lines: &[Line]) -> String {
    let (width, height, margin) = SIZE;
    let most = lines.iter().flat_map(|line| &line.values).copied().max().unwrap_or(1).max(1);
    let minutes = lines.iter().map(|line| line.values.len() as u64).max().unwrap_or(1).max(2);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{margin}\" y=\"20\" font-size=\"15\">{title}</text>\n",
        height + 20
    );
    for part in 0..=4 {
        let y = height - margin - (height - 2 * margin) * part / 4;
        let _ = writeln!(
            out,
            "<line x1=\"{margin}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"#ddd\"/><text x=\"4\" y=\"{}\">{}</text>",
            width - margin,
            y + 4,
            most * part / 4
        );
    }
    for (index, line) in lines.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        let points: Vec<String> = (0..)
            .zip(&line.values)
            .map(|(minute, value)| {
                let x = margin + (width - 2 * margin) * minute / (minutes - 1);
                let y = height - margin - (height - 2 * margin) * value / most;
                format!("{x},{y}")
            })
            .collect();
        let _ = writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" points=\"{}\"/>",
            points.join(" ")
        );
        let x = margin + 170 * index as u64;
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\" fill=\"{color}\">{}</text>", height + 4, line.name);
    }
    out + "</svg>\n"
}

//! What a run says of itself, on the screen and in the page of results.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::Options;
use super::evidence::{Effect, Evidence};
use super::fate::Plan;
use super::leases::Leases;
use super::verdict::{self, Check};
use crate::clock;

/// Prints a line for whoever started the run.
#[expect(clippy::print_stdout, reason = "what the program is started for")]
pub(super) fn say(text: &str) {
    println!("{text}");
}

/// All that a table is made of.
pub(super) struct Figures<'a> {
    pub(super) options: &'a Options,
    pub(super) seed: u64,
    pub(super) plan: &'a Plan,
    pub(super) evidence: &'a Evidence,
    pub(super) leases: &'a Leases,
    pub(super) site_kills: u32,
    pub(super) redriven: u64,
}

impl Figures<'_> {
    /// The section of the page that this kind of run writes.
    pub(super) fn section(&self) -> &'static str {
        if self.options.lose_last_second { "lost-second" } else { "kept" }
    }

    /// The table.
    pub(super) fn text(&self, checks: &[Check], took: Duration) -> String {
        let Figures { options, evidence, leases, .. } = self;
        let mut text = String::new();
        let lose = if options.lose_last_second { " --lose-last-second" } else { "" };
        let command = format!(
            "cargo run -p devkit --bin chaos -- --seed {} --minutes {} --jobs {} --kills {}{lose}",
            self.seed, options.minutes, options.jobs, options.kills
        );
        let _ = writeln!(
            text,
            "Run on {}, {}: `{command}`, {} s in all.\n",
            clock::rfc3339(clock::now_ms()),
            machine(),
            took.as_secs()
        );
        let _ = writeln!(text, "| what happened | |\n| --- | ---: |");
        let of = |effect| evidence.accepted.iter().filter(|accepted| accepted.effect == effect).count();
        let ended = |status: &str| evidence.jobs.values().filter(|job| job.status == status).count();
        for (what, figure) in [
            ("jobs accepted from producers", evidence.accepted.len()),
            ("of these mails, webhooks, audit records, to be cancelled", usize::MAX),
            ("jobs in all, with those that escrows caused", evidence.jobs.len()),
            ("jobs completed", ended("completed")),
            ("jobs cancelled", ended("cancelled")),
            ("dead letters left at the end, each with its reason", ended("dead_letter")),
            ("dead letters brought back after the faults", usize::try_from(self.redriven).unwrap_or(0)),
            ("jobs that wait for the end of a card's hold", evidence.waiting.len()),
            ("escrows", evidence.escrows.len()),
            ("processors killed with SIGKILL", evidence.kills.len()),
            ("kills of the routes' server", usize::try_from(self.site_kills).unwrap_or(0)),
            ("claims of jobs", leases.claims),
            ("leases that lapsed", leases.lapsed),
            ("calls of webhooks, retries included", evidence.hooks.len()),
            ("mails delivered", evidence.mails.len()),
        ] {
            let figure = if figure == usize::MAX {
                let [mails, hooks, records, never] =
                    [Effect::Mail, Effect::Webhook, Effect::Record, Effect::Never].map(of);
                format!("{mails}, {hooks}, {records}, {never}")
            } else {
                figure.to_string()
            };
            let _ = writeln!(text, "| {what} | {figure} |");
        }
        let _ = writeln!(text, "\nPlanned: {}.\n", self.plan);
        text.push_str(&recovery(leases));
        let _ = writeln!(text, "\n| promise | broken |\n| --- | ---: |");
        for check in checks {
            let _ = writeln!(text, "| {} | {} |", check.name, check.broken.len());
        }
        if options.lose_last_second {
            let _ = writeln!(
                text,
                "\nRedis lost its last second {} times. With these went {} jobs that had been accepted, and {} escrows are set back behind what Stripe did; nothing else.",
                evidence.lost_seconds,
                verdict::lost_with_a_second(evidence).len(),
                verdict::escrows_set_back(evidence).len()
            );
        }
        text
    }
}

/// How long the jobs of killed processes waited.
fn recovery(leases: &Leases) -> String {
    let all = &leases.recovered_s;
    let at =
        |percent: usize| all.get((all.len() * percent / 100).min(all.len().saturating_sub(1))).copied().unwrap_or(0);
    format!(
        "| from a kill until the last job of the killed was claimed again or ended | |\n| --- | ---: |\n\
         | kills of processes that held jobs | {} |\n| p50 | {} s |\n| p99 | {} s |\n| longest | {} s |\n",
        all.len(),
        at(50),
        at(99),
        all.last().copied().unwrap_or(0)
    )
}

/// The machine and what else it did.
pub(super) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned()));
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(", ");
    format!("{cores} cores of {}, load {load}", model.unwrap_or_else(|| "an unnamed processor".to_owned()))
}

/// Writes a section of the page anew: what stands between its two marks.
pub(super) fn write(file: &Path, section: &str, text: &str) -> std::io::Result<()> {
    let page = std::fs::read_to_string(file)?;
    let (from, to) = (format!("<!-- {section}: begins -->\n"), format!("<!-- {section}: ends -->"));
    let missing = || std::io::Error::other(format!("{} has no section {section}", file.display()));
    let (before, rest) = page.split_once(&from).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&to).ok_or_else(missing)?;
    std::fs::write(file, format!("{before}{from}\n{text}\n{to}{after}"))
}

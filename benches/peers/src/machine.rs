//! Where the run was made, and of what.

use std::fs;
use std::process::Command;
use std::thread;

use crate::redis::Redis;
use crate::{Measure, Outcome};

/// One sentence about the machine, and one about the versions.
pub(crate) struct Machine {
    pub(crate) hardware: String,
    pub(crate) versions: String,
}

/// Processes that wanted the CPU in the last minute, on average.
pub(crate) fn load() -> Outcome<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

pub(crate) fn describe(redis: &mut Redis, arguments: &Measure, load_before: &str) -> Outcome<Machine> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, m)| m);
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib: u64 = memory.split_whitespace().nth(1).unwrap_or_default().parse()?;
    let cores = thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let (node, python, rustc) = (
        said("node", "--version")?,
        said(&arguments.python.to_string_lossy(), "--version")?,
        said("rustc", "--version")?,
    );
    Ok(Machine {
        hardware: format!(
            "{model}, {cores} cores, {} GB, Linux {}, all processes on it; load average before the run {load_before}",
            kib / 1_000_000,
            kernel.trim()
        ),
        versions: format!(
            "Redis {}, {}, Node {}, {python}, {}, Holdfast {} in the release profile it is deployed with",
            redis.info("redis_version")?.trim(),
            peers(arguments)?,
            node.trim_start_matches('v'),
            rustc.split(" (").next().unwrap_or_default(),
            env!("CARGO_PKG_VERSION"),
        ),
    })
}

/// The other queues with their versions, as they are asked for where they are installed.
fn peers(arguments: &Measure) -> Outcome<String> {
    let package = fs::read_to_string(arguments.bullmq.with_file_name("package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&package)?;
    let bullmq = package["dependencies"]["bullmq"].as_str().ok_or("package.json names no bullmq")?;
    let arq = fs::read_to_string(arguments.arq.with_file_name("requirements.txt"))?;
    let manifest = include_str!("../rust/Cargo.toml");
    let crates = ["apalis-redis", "rusty-sidekiq"].map(|name| {
        let line = manifest.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        format!("{name} {}", line.split('=').next_back().unwrap_or_default().trim_matches('"'))
    });
    let arq = arq.trim().replace("==", " ").replace("arq", "ARQ");
    Ok(format!("BullMQ {bullmq}, {}, {arq}", crates.join(", ")))
}

fn said(program: &str, question: &str) -> Outcome<String> {
    let output = Command::new(program).arg(question).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

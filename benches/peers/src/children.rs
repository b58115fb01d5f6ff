//! The other processes: the REST server and BullMQ's two; and how much CPU each took.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::Outcome;

/// Ticks a second in `/proc/<pid>/stat`: fixed at 100 for programs on Linux.
const TICK_MICROS: u64 = 10_000;

/// CPU time a process has had, in microseconds.
pub(crate) fn cpu_micros(pid: u32) -> Outcome<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = text.rsplit_once(')').ok_or("/proc/<pid>/stat has another form")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? * TICK_MICROS)
}

/// The REST server in a process of its own.
pub(crate) struct Upstash {
    child: Child,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Upstash {
    pub(crate) fn start(program: &Path, redis_port: u16) -> Outcome<Self> {
        let redis = format!("redis://127.0.0.1:{redis_port}");
        let mut child = Command::new(program)
            .args(["--port", "0", "--token", "bench", "--redis-url", &redis])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut value = || -> Outcome<String> {
            let line = lines.next().ok_or("the REST server ended")??;
            Ok(line.split_once('=').ok_or("the REST server says something else")?.1.to_owned())
        };
        let (url, token) = (value()?, value()?);
        Ok(Self { child, url, token })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Upstash {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A Node process with BullMQ in it.
pub(crate) struct BullMq {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl BullMq {
    pub(crate) fn start(driver: &Path) -> Outcome<Self> {
        let mut child = Command::new("node").arg(driver).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().ok_or("no input")?;
        let from = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, to, from })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to do something whose answer is waited for later.
    pub(crate) fn tell(&mut self, operation: &str, parameters: Value) -> Outcome<()> {
        let mut line = parameters;
        line["operation"] = json!(operation);
        Ok(writeln!(self.to, "{line}")?)
    }

    pub(crate) fn answer(&mut self) -> Outcome<Value> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(serde_json::from_str(&line).map_err(|_| "BullMQ's process ended; its words are above")?)
    }

    pub(crate) fn ask(&mut self, operation: &str, parameters: Value) -> Outcome<Value> {
        self.tell(operation, parameters)?;
        self.answer()
    }
}

impl Drop for BullMq {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

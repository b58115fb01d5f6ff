//! The other processes: the REST server, and the two that each queue has; and how much CPU each took.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::Outcome;

/// The REST server's token.
pub(crate) const TOKEN: &str = "bench";

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
    pub(crate) port: u16,
}

impl Upstash {
    pub(crate) fn start(program: &Path, redis_port: u16) -> Outcome<Self> {
        let redis = format!("redis://127.0.0.1:{redis_port}");
        let mut child = Command::new(program)
            .args(["--port", "0", "--token", TOKEN, "--redis-url", &redis])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let line = lines.next().ok_or("the REST server ended")??;
        let port = line.rsplit_once(':').ok_or("the REST server says something else")?.1.parse()?;
        lines.next().ok_or("the REST server ended")??;
        Ok(Self { child, port })
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

/// A process with a queue's client in it, which does what its lines say.
pub(crate) struct Driver {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Driver {
    pub(crate) fn start(command: &[String]) -> Outcome<Self> {
        let (program, arguments) = command.split_first().ok_or("no program")?;
        let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().ok_or("no input")?;
        let from = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, to, from })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it do something; answers what it says.
    pub(crate) fn ask(&mut self, operation: &str, parameters: Value) -> Outcome<Value> {
        let mut line = parameters;
        line["operation"] = json!(operation);
        writeln!(self.to, "{line}")?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(serde_json::from_str(&line).map_err(|_| format!("{operation}: a driver ended; its words are above"))?)
    }

    /// The same where it answers with a number.
    pub(crate) fn ask_number(&mut self, operation: &str, parameters: Value, field: &str) -> Outcome<f64> {
        let answer = self.ask(operation, parameters)?;
        answer[field].as_f64().ok_or_else(|| format!("{operation}: a driver answered {answer}").into())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

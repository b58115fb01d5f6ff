//! A child process that never outlives us, however we end.
//!
//! The program runs under a few lines of POSIX shell that wait on a pipe. We hold the other end, so the
//! kernel closes it when this process is gone, SIGKILL included, and the shell then kills the program.
//! The two are a process group of their own: Ctrl-C in a terminal reaches us alone, and we decide when the
//! program ends.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const GUARD: &str = include_str!("guard.sh");

/// What the guard writes before the process id of its program.
const PROCESS_LINE: &str = "guard: process ";

/// How many lines of the program's output are kept for an error. Chosen: a start-up failure fits.
const KEPT_LINES: usize = 40;

/// How often a wait looks again. Chosen: short against a start (about 10 ms), long against a system call.
pub(super) const POLL: Duration = Duration::from_millis(2);

/// A running program and the pipe its life hangs on.
#[derive(Debug)]
pub(super) struct Guarded {
    child: Child,
    signals: Option<ChildStdin>,
    output: Arc<Mutex<Output>>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Output {
    process: Option<u32>,
    lines: VecDeque<String>,
}

impl Guarded {
    pub(super) fn spawn(program: &OsStr, arguments: &[&OsStr]) -> io::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let output = Arc::new(Mutex::new(Output::default()));
        let readers = [collect(child.stdout.take(), &output), collect(child.stderr.take(), &output)];
        Ok(Self { signals: child.stdin.take(), child, output, readers: readers.into_iter().flatten().collect() })
    }

    /// Sends the program a signal, by its name without `SIG`.
    pub(super) fn signal(&mut self, name: &str) {
        if let Some(pipe) = &mut self.signals {
            // A closed pipe means that the guard, and so the program, has ended.
            drop(writeln!(pipe, "{name}"));
        }
    }

    /// Whether the program has ended and its last words are in `output`.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None)) && self.readers.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the program's end, at most `limit`; says whether it came.
    pub(super) async fn ended_within(&mut self, limit: Duration) -> bool {
        let mut tick = tokio::time::interval(POLL);
        tokio::time::timeout(limit, async {
            while !self.has_ended() {
                tick.tick().await;
            }
        })
        .await
        .is_ok()
    }

    /// The program's process id, once the guard has told it.
    pub(super) fn process(&self) -> Option<u32> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).process
    }

    /// The last lines the program wrote.
    pub(super) fn output(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Guarded {
    /// Ends the program at once and waits for it: no process and no zombie is left.
    fn drop(&mut self) {
        self.signals = None;
        drop(self.child.wait());
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>, output: &Arc<Mutex<Output>>) -> Option<JoinHandle<()>> {
    let pipe = pipe?;
    let output = Arc::clone(output);
    Some(std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(process) = line.strip_prefix(PROCESS_LINE) {
                output.process = process.parse().ok();
                continue;
            }
            tracing::debug!(target: "devkit::redis::output", "{line}");
            if output.lines.len() == KEPT_LINES {
                output.lines.pop_front();
            }
            output.lines.push_back(line);
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Guarded {
        Guarded::spawn("sh".as_ref(), &["-c".as_ref(), script.as_ref()]).unwrap()
    }

    fn is_running(process: u32) -> bool {
        Command::new("kill").args(["-0", &process.to_string()]).stderr(Stdio::null()).status().unwrap().success()
    }

    async fn process_of(guarded: &Guarded) -> u32 {
        let mut tick = tokio::time::interval(POLL);
        loop {
            if let Some(process) = guarded.process() {
                return process;
            }
            tick.tick().await;
        }
    }

    #[tokio::test]
    async fn a_dropped_program_is_gone_at_once() {
        let guarded = sh("trap '' TERM; while :; do sleep 1; done");
        let process = process_of(&guarded).await;

        drop(guarded);

        assert!(!is_running(process));
    }

    #[tokio::test]
    async fn a_signal_reaches_the_program() {
        let mut guarded = sh("trap 'echo heard; exit' TERM; echo ready; while :; do sleep 0.01; done");
        let mut tick = tokio::time::interval(POLL);
        while !guarded.output().contains("ready") {
            tick.tick().await;
        }

        guarded.signal("TERM");

        assert!(guarded.ended_within(Duration::from_secs(5)).await);
        assert_eq!(guarded.output(), "ready\nheard");
    }

    #[tokio::test]
    async fn a_program_that_ends_by_itself_ends_its_guard_and_leaves_its_words() {
        let mut guarded = sh("echo told; echo why >&2; exit 3");

        assert!(guarded.ended_within(Duration::from_secs(5)).await);
        let output = guarded.output();
        assert!(output.contains("told") && output.contains("why"), "{output}");
    }
}

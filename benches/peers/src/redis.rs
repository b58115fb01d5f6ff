//! Redis, spoken to directly: to ask what it counted, to fill it, and for the bare limit.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::iter::once;
use std::net::TcpStream;

use crate::Outcome;

/// Commands by which the bench itself asks; they are not counted.
const OURS: [&str; 6] = ["info", "flushall", "ping", "config", "config|resetstat", "dbsize"];

/// A connection.
pub(crate) struct Redis {
    stream: BufReader<TcpStream>,
}

impl Redis {
    pub(crate) fn connect(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(1 << 16, stream) })
    }

    /// Runs one command.
    pub(crate) fn run(&mut self, command: &[&str]) -> Outcome<Option<String>> {
        self.send(command)?;
        self.receive()
    }

    /// Sends a command whose answer is received later.
    pub(crate) fn send(&mut self, command: &[&str]) -> Outcome<()> {
        let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        let wire: String = once(format!("*{}\r\n", command.len())).chain(words).collect();
        Ok(self.stream.get_mut().write_all(wire.as_bytes())?)
    }

    /// The next answer, where it is a text.
    pub(crate) fn receive(&mut self) -> Outcome<Option<String>> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let (kind, rest) = line.trim_end().split_at_checked(1).ok_or("Redis closed the connection")?;
        Ok(match (kind, rest) {
            ("-", error) => return Err(error.into()),
            ("$", "-1") | (":", _) => None,
            ("$", length) => {
                let mut text = vec![0; length.parse::<usize>()? + 2];
                self.stream.read_exact(&mut text)?;
                text.truncate(text.len() - 2);
                Some(String::from_utf8(text)?)
            }
            ("+", text) => Some(text.to_owned()),
            _ => return Err("an answer that nothing here asks for".into()),
        })
    }

    pub(crate) fn flush(&mut self) -> Outcome<()> {
        self.run(&["FLUSHALL"]).map(drop)
    }

    /// A field of INFO, of whichever section.
    pub(crate) fn info(&mut self, field: &str) -> Outcome<String> {
        let text = self.run(&["INFO", "everything"])?.ok_or("INFO is no text")?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(name, _)| *name == field);
        Ok(found.ok_or_else(|| format!("INFO has no {field}"))?.1.to_owned())
    }

    /// How long a list is.
    pub(crate) fn length(&mut self, list: &str) -> Outcome<u64> {
        // As a text, which is what is received here.
        let length = self.run(&["EVAL", "return tostring(redis.call('LLEN', KEYS[1]))", "1", list])?;
        Ok(length.ok_or("a list without a length")?.parse()?)
    }

    /// Bytes of its data, as Redis counts them.
    pub(crate) fn memory(&mut self) -> Outcome<u64> {
        Ok(self.info("used_memory")?.parse()?)
    }

    /// Commands since the start by name, those inside scripts included, the bench's own left out.
    pub(crate) fn commands(&mut self) -> Outcome<BTreeMap<String, u64>> {
        let text = self.run(&["INFO", "commandstats"])?.ok_or("INFO is no text")?;
        let mut commands = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("cmdstat_")) {
            let (name, rest) = line.split_once(":calls=").ok_or("commandstats has another form")?;
            let calls = rest.split(',').next().unwrap_or_default().parse()?;
            if !OURS.contains(&name) {
                commands.insert(name.to_owned(), calls);
            }
        }
        Ok(commands)
    }

    /// How many commands in all.
    pub(crate) fn command_count(&mut self) -> Outcome<u64> {
        Ok(self.commands()?.values().sum())
    }
}

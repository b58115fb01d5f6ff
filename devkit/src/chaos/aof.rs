//! Reads Redis' append-only file: every change, in order, by the second, and which of them belong together.

use std::collections::BTreeSet;

/// Changes made in one step: a script's, or a single command's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// When, in s since 1970; the mark before it.
    pub second: i64,
    /// The commands, without `MULTI` and `EXEC`.
    pub commands: Vec<Vec<String>>,
}

/// Reads a file as far as it goes; what is broken off at its end counts for nothing.
pub fn read(file: &[u8]) -> Vec<Written> {
    let (mut rest, mut second, mut all) = (file, 0, Vec::new());
    let mut open: Option<Written> = None;
    while let Some((line, after)) = line(rest) {
        if let Some(mark) = line.strip_prefix("#TS:") {
            second = mark.parse().unwrap_or(second);
            rest = after;
            continue;
        }
        let Some((command, after)) = command(line, after) else { break };
        rest = after;
        match (command.first().map(|name| name.to_ascii_uppercase()).as_deref(), &mut open) {
            (Some("MULTI"), _) => open = Some(Written { second, commands: Vec::new() }),
            (Some("EXEC"), _) => all.extend(open.take()),
            (Some("SELECT"), _) => {}
            (_, Some(step)) => step.commands.push(command),
            (_, None) => all.push(Written { second, commands: vec![command] }),
        }
    }
    all
}

/// The keys that were written.
pub fn keys(steps: &[Written]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for command in steps.iter().flat_map(|step| &step.commands) {
        match command[0].to_ascii_uppercase().as_str() {
            "MSET" => keys.extend(command[1..].iter().step_by(2).cloned()),
            _ => keys.extend(command.get(1).cloned()),
        }
        // What a member of a set or hash is about has changed too.
        for word in &command[1..] {
            let word = word.rsplit('/').next().unwrap_or(word);
            if word.starts_with("job-") {
                keys.insert(format!("job:{word}"));
            }
        }
    }
    keys
}

fn line(from: &[u8]) -> Option<(&str, &[u8])> {
    let end = from.windows(2).position(|two| two == b"\r\n")?;
    Some((std::str::from_utf8(&from[..end]).ok()?, &from[end + 2..]))
}

fn command<'a>(head: &str, mut rest: &'a [u8]) -> Option<(Vec<String>, &'a [u8])> {
    let count: usize = head.strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, after) = line(rest)?;
        let length: usize = length.strip_prefix('$')?.parse().ok()?;
        words.push(String::from_utf8_lossy(after.get(..length)?).into_owned());
        rest = after.get(length + 2..)?;
    }
    Some((words, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_apart_and_a_broken_end_is_left_out() {
        let file = b"#TS:7\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$5\r\njob:1\r\n$2\r\n{}\r\n*1\r\n$4\r\nEXEC\r\n#TS:9\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*2\r\n$3\r\nDEL\r\n$1";

        let steps = read(file);

        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            steps,
            [
                Written { second: 7, commands: vec![words(&["SET", "job:1", "{}"])] },
                Written { second: 9, commands: vec![words(&["DEL", "a"])] },
            ]
        );
        assert!(keys(&steps).contains("job:1"));
    }
}

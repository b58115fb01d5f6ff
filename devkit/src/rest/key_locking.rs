//! Scripts that begin with `#!lua flags=allow-key-locking`.
//!
//! Upstash knows the flag, Redis refuses it. The flag is taken out before a script goes to Redis, and the
//! SHA1 of the text as it was sent stands for the SHA1 Redis knows, so no caller sees a difference. That
//! undeclared keys are an error in such a script is not checked here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use sha1::{Digest, Sha1};

use super::command::Command;

const FLAG: &[u8] = b"allow-key-locking";

/// The SHA1s that stand for others.
#[derive(Debug, Default)]
pub(super) struct KeyLocking {
    known: RwLock<HashMap<Vec<u8>, String>>,
}

impl KeyLocking {
    /// Makes a command one that Redis understands. Returns what to answer in place of Redis's result.
    pub(super) fn adapt(&self, command: &mut Command<'_>) -> Option<String> {
        let [name, second, rest @ ..] = &mut command.0[..] else {
            return None;
        };
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        if is(b"EVAL") || is(b"EVAL_RO") {
            self.adapt_script(second);
        } else if is(b"EVALSHA") || is(b"EVALSHA_RO") {
            self.adapt_sha(second);
        } else if is(b"SCRIPT") && second.eq_ignore_ascii_case(b"LOAD") {
            return self.adapt_script(rest.first_mut()?);
        } else if is(b"SCRIPT") && second.eq_ignore_ascii_case(b"EXISTS") {
            for sha in rest {
                self.adapt_sha(sha);
            }
        }
        None
    }

    fn adapt_script(&self, script: &mut Cow<'_, [u8]>) -> Option<String> {
        let without = without_flag(script)?;
        let (sent, run) = (sha1_hex(script), sha1_hex(&without));
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(sent.clone().into_bytes(), run);
        *script = without.into();
        Some(sent)
    }

    fn adapt_sha(&self, sha: &mut Cow<'_, [u8]>) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return;
        }
        if let Some(run) = known.get(&sha.to_ascii_lowercase()) {
            *sha = run.clone().into_bytes().into();
        }
    }
}

/// The script without the flag; nothing if it does not have it. Lines keep their numbers.
fn without_flag(script: &[u8]) -> Option<Vec<u8>> {
    let end = script.iter().position(|byte| *byte == b'\n').unwrap_or(script.len());
    let (line, rest) = script.split_at(end);
    if !line.starts_with(b"#!") {
        return None;
    }
    let (mut words, mut found) = (Vec::new(), false);
    for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        let Some(flags) = word.strip_prefix(b"flags=") else {
            words.push(word.to_vec());
            continue;
        };
        let kept: Vec<&[u8]> = flags.split(|byte| *byte == b',').filter(|flag| *flag != FLAG).collect();
        found |= kept.len() < flags.split(|byte| *byte == b',').count();
        if !kept.is_empty() {
            words.push([b"flags=", kept.join(&b',').as_slice()].concat());
        }
    }
    // A line of `#!lua` alone says nothing, and Redis before 7 does not know it.
    let line = if words.len() > 1 { words.join(&b' ') } else { Vec::new() };
    found.then(|| [line.as_slice(), rest].concat())
}

fn sha1_hex(text: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    Sha1::digest(text).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "#!lua flags=allow-key-locking\nreturn 1";

    fn command<'a>(arguments: &[&'a str]) -> Command<'a> {
        Command(arguments.iter().map(|argument| argument.as_bytes().into()).collect())
    }

    fn stripped(script: &str) -> Option<String> {
        without_flag(script.as_bytes()).map(|script| String::from_utf8(script).unwrap())
    }

    #[test]
    fn only_the_flag_is_taken_out() {
        assert_eq!(stripped(SCRIPT).unwrap(), "\nreturn 1");
        assert_eq!(
            stripped("#!lua flags=no-writes,allow-key-locking,allow-stale\nreturn 1").unwrap(),
            "#!lua flags=no-writes,allow-stale\nreturn 1"
        );
        assert_eq!(stripped("#!lua name=x flags=allow-key-locking\r\nreturn 1").unwrap(), "#!lua name=x\nreturn 1");
    }

    #[test]
    fn a_script_without_the_flag_is_left_alone() {
        assert_eq!(stripped("return 1"), None);
        assert_eq!(stripped("#!lua flags=no-writes\nreturn 1"), None);
        assert_eq!(stripped("-- allow-key-locking\nreturn 1"), None);
    }

    #[test]
    fn the_sha_of_the_text_as_sent_stands_for_the_one_redis_knows() {
        let locking = KeyLocking::default();
        let sent = sha1_hex(SCRIPT.as_bytes());

        let answer = locking.adapt(&mut command(&["script", "load", SCRIPT]));

        assert_eq!(answer.as_deref(), Some(sent.as_str()));
        let upper = sent.to_uppercase();
        let mut by_sha = command(&["EVALSHA", &upper, "0"]);
        assert_eq!(locking.adapt(&mut by_sha), None);
        assert_eq!(by_sha.0[1].as_ref(), sha1_hex(b"\nreturn 1").as_bytes());
    }
}

//! Lua scripts: named, known to Redis by their SHA-1, sent whole only to a server that does not know them.

use std::borrow::Cow;
use std::sync::OnceLock;

use sha1::{Digest, Sha1};

use crate::domain::hex::hex;

/// A script: its operation's name and its whole text, shared parts first.
#[derive(Debug)]
pub struct Script {
    /// The operation it is.
    pub name: &'static str,
    /// Its text.
    pub source: &'static str,
    sha1: OnceLock<String>,
}

/// A script with its arguments.
#[derive(Clone, Debug)]
pub struct ScriptCall<'a> {
    /// What to run.
    pub script: &'static Script,
    /// The keys it may touch.
    pub keys: Vec<String>,
    /// Its arguments, numbers as text.
    pub args: Vec<Cow<'a, str>>,
}

impl Script {
    /// Makes a script. [`script!`](crate::upstash_script) reads it from files.
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, sha1: OnceLock::new() }
    }

    /// Returns the name by which Redis knows the script.
    pub fn sha1(&self) -> &str {
        self.sha1.get_or_init(|| hex(Sha1::digest(self.source)))
    }
}

impl ScriptCall<'_> {
    /// Writes the command that runs the script by its name, or by its text.
    pub(super) fn command(&self, by: Call) -> Vec<Cow<'_, str>> {
        let (verb, what) = match by {
            Call::BySha1 => ("EVALSHA", self.script.sha1()),
            Call::ByText => ("EVAL", self.script.source),
        };
        let mut command = Vec::with_capacity(3 + self.keys.len() + self.args.len());
        command.extend([verb.into(), what.into(), self.keys.len().to_string().into()]);
        command.extend(self.keys.iter().map(|key| Cow::Borrowed(key.as_str())));
        command.extend(self.args.iter().map(|arg| Cow::Borrowed(arg.as_ref())));
        command
    }
}

/// How a script is named in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    BySha1,
    ByText,
}

/// Makes a [`Script`] of the files named, joined in their order; the last is the operation's own.
#[macro_export]
#[doc(hidden)]
macro_rules! upstash_script {
    ($name:literal, $($file:literal),+) => {
        $crate::upstash::Script::new($name, concat!($(include_str!($file), "\n"),+))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    static ECHO: Script = Script::new("echo", "return ARGV[1]");

    #[test]
    fn a_script_is_called_by_its_sha1_or_its_text() {
        let call = ScriptCall { script: &ECHO, keys: vec!["k".into()], args: vec!["a".into(), "b".into()] };
        assert_eq!(
            call.command(Call::BySha1),
            ["EVALSHA", "098e0f0d1448c0a81dafe820f66d460eb09263da", "1", "k", "a", "b"]
        );
        assert_eq!(call.command(Call::ByText)[..2], ["EVAL", "return ARGV[1]"]);
    }
}

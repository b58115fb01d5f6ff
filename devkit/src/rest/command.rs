//! Commands as a request carries them, and as Redis reads them.
//!
//! A number in a JSON array goes to Redis as the text that was sent: `1e3` stays `1e3` and an integer of any
//! size keeps its digits. What has no text of its own (null, an array, an object) is refused.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::reply::Refusal;

/// A command: its name and its arguments, at least the name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command<'a>(pub(super) Vec<Cow<'a, [u8]>>);

impl<'a> Command<'a> {
    /// The command in `body`, a JSON array.
    pub(super) fn from_json(body: &'a [u8]) -> Result<Self, Refusal> {
        let raw: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| not_an_array("command", &error))?;
        Self::from_raw(&raw)
    }

    /// The commands in `body`, a JSON array of arrays.
    pub(super) fn list_from_json(body: &'a [u8]) -> Result<Vec<Self>, Refusal> {
        let raw: Vec<Vec<&RawValue>> =
            serde_json::from_slice(body).map_err(|error| not_an_array("pipeline request", &error))?;
        raw.iter().map(|command| Self::from_raw(command)).collect()
    }

    /// The command in a path: a segment each, then the body if there is one, then the query's parameters.
    pub(super) fn from_path(path: &'a str, query: &'a str, body: &'a [u8]) -> Result<Self, Refusal> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut arguments: Vec<Cow<'a, [u8]>> =
            path.split('/').map(|segment| percent_decode_str(segment).into()).collect();
        if !body.is_empty() {
            arguments.push(body.into());
        }
        for (name, value) in parameters(query) {
            if name != "_token" {
                arguments.push(form_decoded(name));
                if let Some(value) = value {
                    arguments.push(form_decoded(value));
                }
            }
        }
        if arguments[0].is_empty() { Err(Refusal::bad("ERR empty command")) } else { Ok(Self(arguments)) }
    }

    fn from_raw(raw: &[&'a RawValue]) -> Result<Self, Refusal> {
        // Redis does not answer `*0`: an empty command sent on would hang its connection.
        if raw.is_empty() {
            return Err(Refusal::bad("ERR empty command"));
        }
        raw.iter().map(|value| argument(value.get())).collect::<Result<_, _>>().map(Self)
    }

    /// Appends the command to `wire` as Redis reads it.
    pub(super) fn write(&self, wire: &mut Vec<u8>) {
        header(wire, b'*', self.0.len());
        for argument in &self.0 {
            header(wire, b'$', argument.len());
            wire.extend_from_slice(argument);
            wire.extend_from_slice(b"\r\n");
        }
    }
}

/// The value of the parameter `_token` of a query.
pub(super) fn token_parameter(query: &str) -> Option<Cow<'_, [u8]>> {
    parameters(query).find(|(name, _)| *name == "_token").and_then(|(_, value)| value).map(form_decoded)
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    query.split('&').filter(|parameter| !parameter.is_empty()).map(|parameter| match parameter.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (parameter, None),
    })
}

fn form_decoded(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        Cow::Owned(percent_decode_str(&text.replace('+', " ")).collect())
    } else {
        percent_decode_str(text).into()
    }
}

fn argument(json: &str) -> Result<Cow<'_, [u8]>, Refusal> {
    match json.as_bytes() {
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => Ok(text.into()),
        [b'"', ..] => match serde_json::from_str::<Unescaped>(json) {
            Ok(Unescaped(text)) => Ok(text.into()),
            Err(error) => Err(Refusal::bad(format!("ERR failed to parse command: {error}"))),
        },
        [b'n', ..] => Err(Refusal::bad("ERR null args are not supported")),
        [b'[' | b'{', ..] => Err(Refusal::bad("ERR arrays and objects are not supported as args: expected a string")),
        token => Ok(token.into()),
    }
}

fn not_an_array(what: &str, error: &serde_json::Error) -> Refusal {
    if error.is_data() {
        Refusal::bad(format!("ERR failed to parse {what}, expected JSON array"))
    } else {
        Refusal::bad(format!("ERR failed to parse {what}, expected JSON array: {error}"))
    }
}

fn header(wire: &mut Vec<u8>, kind: u8, length: usize) {
    wire.push(kind);
    wire.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    wire.extend_from_slice(b"\r\n");
}

/// The bytes of a JSON string with escapes. Bytes, because half a surrogate pair is legal JSON and no `str`.
struct Unescaped(Vec<u8>);

impl<'de> Deserialize<'de> for Unescaped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Unescaped;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Unescaped, E> {
                Ok(Unescaped(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(command: &Command<'_>) -> String {
        let mut wire = Vec::new();
        command.write(&mut wire);
        String::from_utf8(wire).unwrap()
    }

    fn texts(command: &Command<'_>) -> Vec<String> {
        command.0.iter().map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
    }

    #[test]
    fn numbers_and_booleans_keep_the_text_that_was_sent() {
        let command = Command::from_json(br#"["SET", "k", 9223372036854775807123, 1e3, -0.10, true]"#).unwrap();

        assert_eq!(texts(&command), ["SET", "k", "9223372036854775807123", "1e3", "-0.10", "true"]);
    }

    #[test]
    fn escapes_are_undone_and_half_a_surrogate_pair_is_kept() {
        let command = Command::from_json(br#"["SET", "a\"\u00e9\n", "\ud800"]"#).unwrap();

        assert_eq!(command.0[1].as_ref(), "a\"é\n".as_bytes());
        assert_eq!(command.0[2].as_ref(), b"\xed\xa0\x80");
    }

    #[test]
    fn a_command_is_written_as_an_array_of_bulk_strings() {
        let command = Command::from_json("[\"SET\",\"é\",1]".as_bytes()).unwrap();

        assert_eq!(wire(&command), "*3\r\n$3\r\nSET\r\n$2\r\né\r\n$1\r\n1\r\n");
    }

    #[test]
    fn what_is_no_command_is_refused_with_what_was_expected() {
        let refused = |body: &str| Command::from_json(body.as_bytes()).unwrap_err().message;

        assert_eq!(refused("[]"), "ERR empty command");
        assert_eq!(refused(r#"["GET", null]"#), "ERR null args are not supported");
        assert_eq!(refused(r#"{"a":1}"#), "ERR failed to parse command, expected JSON array");
        assert!(refused("nonsense").starts_with("ERR failed to parse command, expected JSON array: expected"));
        assert!(refused(r#"["SET","k",["v"]]"#).starts_with("ERR arrays and objects are not supported"));
    }

    #[test]
    fn a_path_takes_the_body_before_the_query() {
        let command = Command::from_path("/set/a%2Fb", "EX=100&_token=x&NX", b"the value").unwrap();

        assert_eq!(texts(&command), ["set", "a/b", "the value", "EX", "100", "NX"]);
    }
}

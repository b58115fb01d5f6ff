//! How values are written on a page: numbers, times, ages, and texts in which no e-mail address shows.

use std::time::Duration;

use crate::domain::job::JobDocument;
use crate::domain::millis::Millis;
pub(super) use crate::domain::thousands::thousands as count;

/// Longest text of a payload that is shown, in bytes. Chosen: our payloads have 60 KiB at most; another producer's may have any size.
const MAX_SHOWN: usize = 64 * 1024;

/// Whether e-mail addresses are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    Masked,
    Shown,
}

/// A point in time, as a page shows it.
#[derive(Clone, Debug)]
pub(super) struct When {
    pub(super) iso: String,
    pub(super) text: String,
    /// How long ago, or in how long.
    pub(super) ago: String,
}

impl When {
    /// Writes a time as it is seen from `now`.
    pub(super) fn new(at: Millis, now: Millis) -> Self {
        let iso = at.to_rfc3339();
        let text = format!("{} {}", &iso[..10], &iso[11..19]);
        let ago = if at > now { format!("in {}", span(at.since(now))) } else { format!("{} ago", span(now.since(at))) };
        Self { iso, text, ago }
    }
}

/// Writes a length of time in its largest unit.
pub(super) fn span(duration: Duration) -> String {
    let (ms, seconds) = (duration.as_millis(), duration.as_secs());
    match seconds {
        0 => format!("{ms} ms"),
        1..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Writes a text, its e-mail addresses as `j***@example.com` where they are masked.
pub(super) fn shown(text: &str, addresses: Addresses) -> String {
    if addresses == Addresses::Shown {
        return text.to_owned();
    }
    let is_name = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;:\"'()[]{}\\/=@".contains(c);
    let is_domain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let (mut masked, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let name = before.rfind(|c| !is_name(c)).map_or(before, |end| {
            let first = before[end..].chars().next().map_or(0, char::len_utf8);
            &before[end + first..]
        });
        let domain = &after[..after.find(|c| !is_domain(c)).unwrap_or(after.len())];
        masked.push_str(&before[..before.len() - name.len()]);
        if let (Some(first), false) = (name.chars().next(), domain.is_empty()) {
            masked.push(first);
            masked.push_str("***");
        } else {
            masked.push_str(name);
        }
        masked.push('@');
        masked.push_str(domain);
        rest = &after[domain.len()..];
    }
    masked + rest
}

/// Writes a job's payload, or the text that stands in its place where its document could not be read.
pub(super) fn payload(document: &JobDocument, addresses: Addresses) -> String {
    let text = document.unreadable().unwrap_or_else(|| indented(document.payload.get(), addresses));
    let text = shown(&text, addresses);
    if text.len() <= MAX_SHOWN {
        return text;
    }
    let end = (0..=MAX_SHOWN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}\n… {} bytes in all; GET /api/jobs/<id> has them", &text[..end], text.len())
}

/// Writes JSON with a line a value. Numbers stay as they are; texts are read, so that an escaped address is masked like any other.
fn indented(json: &str, addresses: Addresses) -> String {
    let (mut out, mut depth, mut rest) = (String::with_capacity(json.len() * 2), 0_usize, json);
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let token = &rest[..string_end(rest)];
            let text = serde_json::from_str::<String>(token).map(|text| shown(&text, addresses));
            let text = text.and_then(|text| serde_json::to_string(&text));
            out.push_str(text.as_deref().unwrap_or(token));
            rest = &rest[token.len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '{' | '[' => {
                out.push(c);
                if rest.trim_start().starts_with(['}', ']']) {
                    continue;
                }
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                if !out.ends_with(['{', '[']) {
                    depth = depth.saturating_sub(1);
                    line(&mut out, depth);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Deepest level that is still set in. Chosen: deeper, lines would be nothing but space.
const MAX_INDENT: usize = 20;

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth.min(MAX_INDENT)).for_each(|_| out.push_str("  "));
}

/// The length of the JSON text at the beginning of `rest`, its quotes included.
fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.bytes().enumerate().skip(1).find(|(_, byte)| {
        let is_end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_end
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_in_a_text_is_masked() {
        let masked = |text| shown(text, Addresses::Masked);
        assert_eq!(masked("to jane.doe+x@example.com, <bob@b.org>"), "to j***@example.com, <b***@b.org>");
        assert_eq!(masked("jürgen@bücher.example."), "j***@bücher.example.");
        assert_eq!(masked("mailto:a@b?x=@c@"), "mailto:a***@b?x=@c@");
        assert_eq!(masked("a@b@c.de@"), "a***@b@c.de@");
        for plain in ["", "@", "no address", "@handle", "5 @ 3"] {
            assert_eq!(masked(plain), plain);
        }
        assert_eq!(shown("a@b", Addresses::Shown), "a@b");
    }

    #[test]
    fn json_has_a_line_a_value_and_its_numbers_as_they_were() {
        let json = r#"{"a":[1.10,123456789012345678901],"b":{},"c":[ ],"d":"x\"y,{"}"#;
        let expected = "{\n  \"a\": [\n    1.10,\n    123456789012345678901\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": \"x\\\"y,{\"\n}";
        assert_eq!(indented(json, Addresses::Masked), expected);
        assert_eq!(indented(r#""jane\u0040example.com""#, Addresses::Masked), r#""j***@example.com""#);
        assert_eq!(indented(r#""\ud800 a@b""#, Addresses::Masked), r#""\ud800 a@b""#, "masked with the rest, later");
    }

    #[test]
    fn numbers_and_lengths_of_time_are_short() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        let spans = [0, 999, 1_000, 119_999, 120_000, 7_200_000, 172_800_000].map(Duration::from_millis).map(span);
        assert_eq!(spans, ["0 ms", "999 ms", "1 s", "119 s", "2 min", "2 h", "2 d"]);
        assert_eq!(When::new(Millis(5_000), Millis(1_000)).ago, "in 4 s");
    }
}

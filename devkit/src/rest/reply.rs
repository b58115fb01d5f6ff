//! What a request is answered: JSON, base64 in JSON, or Redis's own bytes.
//!
//! JSON is written straight from the buffer Redis's replies were read into. Integers keep all 64 bits; a
//! string that is not UTF-8 has its bad bytes replaced, as Upstash does, unless base64 was asked for.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use redis_protocol::resp2::types::RangeFrame;

/// A request that is not run, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// How replies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Strings as they are.
    Json,
    /// Every string in base64 but the status `OK` on its own.
    Base64,
    /// Redis's own bytes.
    Resp2,
}

/// One reply: the bytes Redis sent and where its parts are in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) frame: &'a RangeFrame,
}

impl<'a> Reply<'a> {
    /// The text of an error reply.
    pub(super) fn error(self) -> Option<Cow<'a, str>> {
        match self.frame {
            RangeFrame::Error(range) => Some(String::from_utf8_lossy(self.slice(*range))),
            _ => None,
        }
    }

    pub(super) fn slice(self, (start, end): (usize, usize)) -> &'a [u8] {
        &self.bytes[start..end]
    }

    fn part(self, frame: &'a RangeFrame) -> Self {
        Self { bytes: self.bytes, frame }
    }

    /// The replies inside an array reply.
    pub(super) fn parts(self) -> Option<impl ExactSizeIterator<Item = Self>> {
        match self.frame {
            RangeFrame::Array(frames) => Some(frames.iter().map(move |frame| self.part(frame))),
            _ => None,
        }
    }
}

/// Appends `{"result":…}` or `{"error":…}`.
pub(super) fn write_item(out: &mut Vec<u8>, reply: Reply<'_>, format: Format) {
    match reply.error() {
        Some(error) => write_error(out, &error),
        None => write_result(out, |out| write_top(out, reply, format)),
    }
}

/// Appends `{"error":…}`.
pub(super) fn write_error(out: &mut Vec<u8>, message: &str) {
    out.extend_from_slice(b"{\"error\":");
    write_str(out, message);
    out.push(b'}');
}

/// Appends `{"result":…}` with a string that was not read from Redis.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str, format: Format) {
    write_result(out, |out| write_bytes(out, text.as_bytes(), format));
}

fn write_result(out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"result\":");
    value(out);
    out.push(b'}');
}

fn write_top(out: &mut Vec<u8>, reply: Reply<'_>, format: Format) {
    match reply.frame {
        RangeFrame::SimpleString(range) if reply.slice(*range) == b"OK" => {
            out.extend_from_slice(b"\"OK\"");
        }
        _ => write_value(out, reply, format),
    }
}

fn write_value(out: &mut Vec<u8>, reply: Reply<'_>, format: Format) {
    match reply.frame {
        RangeFrame::Null => out.extend_from_slice(b"null"),
        RangeFrame::Integer(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        RangeFrame::SimpleString(range) | RangeFrame::BulkString(range) | RangeFrame::Error(range) => {
            write_bytes(out, reply.slice(*range), format);
        }
        RangeFrame::Array(frames) => {
            out.push(b'[');
            for (index, frame) in frames.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(out, reply.part(frame), format);
            }
            out.push(b']');
        }
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8], format: Format) {
    if format == Format::Base64 {
        let start = out.len() + 1;
        let length = bytes.len().div_ceil(3) * 4;
        out.push(b'"');
        out.resize(start + length, 0);
        // The slice is as long as padded base64 is, so there is always room.
        let written = BASE64.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
        out.truncate(start + written);
        out.push(b'"');
    } else {
        write_str(out, &String::from_utf8_lossy(bytes));
    }
}

fn write_str(out: &mut Vec<u8>, text: &str) {
    // Writing a string to a Vec cannot fail.
    drop(serde_json::to_writer(out, text));
}

#[cfg(test)]
mod tests {
    use redis_protocol::resp2::decode::decode_range;

    use super::*;

    fn item(bytes: &[u8], format: Format) -> String {
        let (frame, _) = decode_range(bytes).unwrap().unwrap();
        let mut out = Vec::new();
        write_item(&mut out, Reply { bytes, frame: &frame }, format);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_kind_of_reply_has_its_json() {
        assert_eq!(item(b"$-1\r\n", Format::Json), r#"{"result":null}"#);
        assert_eq!(item(b":-9223372036854775808\r\n", Format::Json), r#"{"result":-9223372036854775808}"#);
        assert_eq!(item(b"$0\r\n\r\n", Format::Json), r#"{"result":""}"#);
        assert_eq!(item(b"*0\r\n", Format::Json), r#"{"result":[]}"#);
        assert_eq!(item(b"*-1\r\n", Format::Json), r#"{"result":null}"#);
        assert_eq!(item(b"*2\r\n*1\r\n:1\r\n$-1\r\n", Format::Json), r#"{"result":[[1],null]}"#);
        assert_eq!(item(b"-ERR \"no\"\r\n", Format::Json), r#"{"error":"ERR \"no\""}"#);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_in_json_and_exact_in_base64() {
        let reply = b"$3\r\na\xff\n\r\n";

        assert_eq!(item(reply, Format::Json), "{\"result\":\"a\u{fffd}\\n\"}");
        assert_eq!(item(reply, Format::Base64), r#"{"result":"Yf8K"}"#);
    }

    #[test]
    fn base64_spares_only_the_status_ok_on_its_own() {
        assert_eq!(item(b"+OK\r\n", Format::Base64), r#"{"result":"OK"}"#);
        assert_eq!(item(b"$2\r\nOK\r\n", Format::Base64), r#"{"result":"T0s="}"#);
        assert_eq!(item(b"*1\r\n+OK\r\n", Format::Base64), r#"{"result":["T0s="]}"#);
        assert_eq!(item(b"+PONG\r\n", Format::Base64), r#"{"result":"UE9ORw=="}"#);
        assert_eq!(item(b"-ERR no\r\n", Format::Base64), r#"{"error":"ERR no"}"#);
    }
}

//! What Redis answered.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::UpstashError;

/// One command's result or error. Null is a result; none at all is not.
pub(super) struct Item {
    pub(super) result: Option<Reply>,
    pub(super) error: Option<String>,
}

impl Item {
    pub(super) fn into_reply(self) -> Result<Reply, UpstashError> {
        match (self.error, self.result) {
            (Some(error), _) => Err(UpstashError::of_redis(&error)),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(UpstashError::Unknown("a result is missing".into())),
        }
    }
}

/// By hand: a derived one would take a list for an object, its fields in their order.
impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with a result or an error")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "snake_case")]
        enum Field {
            Result,
            Error,
            #[serde(other)]
            Other,
        }
        let mut item = Item { result: None, error: None };
        while let Some(field) = map.next_key()? {
            match field {
                Field::Result => item.result = Some(map.next_value()?),
                Field::Error => item.error = map.next_value()?,
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(item)
    }
}

/// A RESP2 value as Upstash's JSON gives it. Doubles arrive as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// No value.
    Null,
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
    /// A list, which may be empty.
    Array(Vec<Reply>),
}

impl Reply {
    /// Returns the text.
    pub fn text(self) -> Result<String, UpstashError> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.unexpected("a text")),
        }
    }

    /// Returns the text, or nothing for null.
    pub fn optional_text(self) -> Result<Option<String>, UpstashError> {
        match self {
            Self::Null => Ok(None),
            other => other.text().map(Some),
        }
    }

    /// Returns the integer, which scripts also give as text.
    pub fn integer(self) -> Result<i64, UpstashError> {
        match &self {
            Self::Integer(number) => Ok(*number),
            Self::Text(text) => text.parse().map_err(|_| self.unexpected("an integer")),
            _ => Err(self.unexpected("an integer")),
        }
    }

    /// Returns the list.
    pub fn array(self) -> Result<Vec<Self>, UpstashError> {
        match self {
            Self::Array(items) => Ok(items),
            other => Err(other.unexpected("a list")),
        }
    }

    /// Names the sort of value, not the value, which may hold a document.
    fn unexpected(&self, expected: &str) -> UpstashError {
        let found = match self {
            Self::Null => "null",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Array(_) => "a list",
        };
        UpstashError::Unknown(format!("the reply has {found} where {expected} was expected"))
    }
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReplyVisitor)
    }
}

struct ReplyVisitor;

impl<'de> Visitor<'de> for ReplyVisitor {
    type Value = Reply;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("null, an integer, a text or a list of these")
    }

    fn visit_unit<E>(self) -> Result<Reply, E> {
        Ok(Reply::Null)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Reply, E> {
        Ok(Reply::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Reply, E> {
        i64::try_from(number).map(Reply::Integer).map_err(E::custom)
    }

    fn visit_str<E>(self, text: &str) -> Result<Reply, E> {
        Ok(Reply::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Reply, E> {
        Ok(Reply::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Reply, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0));
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Reply::Array(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_exactly() {
        let text = r#"[null,9223372036854775807,-1,"1.10",[],["ä😀\u0000"]]"#;
        let reply: Reply = serde_json::from_str(text).unwrap();
        let text = |text: &str| Reply::Text(text.to_owned());
        assert_eq!(
            reply,
            Reply::Array(vec![
                Reply::Null,
                Reply::Integer(i64::MAX),
                Reply::Integer(-1),
                text("1.10"),
                Reply::Array(vec![]),
                Reply::Array(vec![text("ä😀\0")]),
            ])
        );
    }

    #[test]
    fn a_command_without_a_result_has_no_known_end() {
        let reply = |text: &str| serde_json::from_str::<Item>(text).unwrap().into_reply();
        assert_eq!(reply(r#"{"result":null}"#), Ok(Reply::Null));
        assert_eq!(reply(r#"{"result":1,"error":null}"#), Ok(Reply::Integer(1)));
        for none in ["{}", r#"{"error":null}"#, r#"{"euror":"OOM command not allowed"}"#] {
            assert!(matches!(reply(none), Err(UpstashError::Unknown(_))), "{none}");
        }
        assert!(serde_json::from_str::<Item>("[1,null]").is_err());
    }

    #[test]
    fn what_no_resp2_server_sends_is_not_read() {
        for bad in ["1.5", "true", "{}", "18446744073709551615"] {
            assert!(serde_json::from_str::<Reply>(bad).is_err(), "{bad}");
        }
    }
}

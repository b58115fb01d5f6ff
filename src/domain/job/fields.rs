//! The fields of a stored document, as they stand in its text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::DocumentError;

/// The fields of a text, not yet read. Most of a claim's time would go into a map of them.
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, DocumentError> {
        serde_json::from_str(text).map_err(|error| DocumentError::NotAnObject(kind_of(&error)))
    }

    /// Takes a field out as it stands; the last one where there are several.
    pub(super) fn take_raw(&mut self, name: &str) -> Option<&'a RawValue> {
        let mut found = None;
        self.0.retain(|(known, value)| {
            let is_it = known == name;
            if is_it {
                found = Some(*value);
            }
            !is_it
        });
        found
    }

    /// Returns what was not taken out.
    pub(super) fn rest(self) -> BTreeMap<String, Box<RawValue>> {
        self.0.into_iter().map(|(name, value)| (name.into_owned(), value.to_owned())).collect()
    }

    /// Takes a field out; null is as good as absent.
    pub(super) fn take<T: for<'de> Deserialize<'de>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, DocumentError> {
        let Some(text) = self.take_raw(name).map(RawValue::get).filter(|text| *text != "null") else {
            return Ok(None);
        };
        serde_json::from_str(text).map_err(|error| DocumentError::Field { name, reason: kind_of(&error) })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        // Ours have fourteen fields, one more after a failure.
        let mut fields = Vec::with_capacity(16);
        while let Some((Name(name), value)) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

/// Says what sort of error it is without repeating the text, which may hold personal data.
fn kind_of(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the text ends too soon",
        serde_json::error::Category::Syntax => "the text is not JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => "the value is of another type",
    };
    format!("{what}, at column {}", error.column())
}

//! The fields of a stored document, as they stand in its text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::DocumentError;
use crate::domain::pairs::Pairs;

/// The fields of a text, not yet read. Most of a claim's time would go into a map of them.
pub(super) struct Fields<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, DocumentError> {
        let pairs: Pairs<Name<'a>, &'a RawValue> =
            serde_json::from_str(text).map_err(|error| DocumentError::NotAnObject(kind_of(&error)))?;
        Ok(Self(pairs.0))
    }

    /// Takes a field out as it stands; the last one where there are several.
    pub(super) fn take_raw(&mut self, name: &str) -> Option<&'a RawValue> {
        let mut found = None;
        self.0.retain(|(known, value)| {
            let is_it = known.0 == name;
            if is_it {
                found = Some(*value);
            }
            !is_it
        });
        found
    }

    /// Returns what was not taken out.
    pub(super) fn rest(self) -> BTreeMap<String, Box<RawValue>> {
        self.0.into_iter().map(|(name, value)| (name.0.into_owned(), value.to_owned())).collect()
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

/// A name, borrowed from the text where no character of it is an escape.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Says what sort of error it is without repeating the text, which may hold personal data.
fn kind_of(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the text ends too soon",
        serde_json::error::Category::Syntax => "the text is not JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => "the value is of another type",
    };
    format!("{what}, at column {}", error.column())
}

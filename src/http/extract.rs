//! Bodies: JSON objects taken apart field by field, so that each error names its field and what was expected.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::ApiError;
use crate::domain::pairs::Pairs;

/// The fields of a JSON object that are not taken yet.
pub(super) struct Fields {
    fields: BTreeMap<String, Box<RawValue>>,
    index: Option<usize>,
}

impl Fields {
    /// Reads a body that is an object. A name that stands twice is refused: which of the two is meant cannot be told.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, ApiError> {
        Self::read(text(body)?, None)
    }

    /// Reads a body that is an object or a list of objects; a list says so.
    pub(super) fn of_one_or_many(body: &[u8]) -> Result<(Vec<Self>, bool), ApiError> {
        let text = text(body)?;
        if !text.trim_start().starts_with('[') {
            return Ok((vec![Self::read(text, None)?], false));
        }
        let items: Vec<Box<RawValue>> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        let objects = items.iter().enumerate().map(|(index, item)| Self::read(item.get(), Some(index)));
        Ok((objects.collect::<Result<_, _>>()?, true))
    }

    fn read(text: &str, index: Option<usize>) -> Result<Self, ApiError> {
        let pairs: Pairs<String, Box<RawValue>> =
            serde_json::from_str(text).map_err(|error| match error.classify() {
                serde_json::error::Category::Data => {
                    ApiError::invalid("invalid_body", "the body is not an object; expected a JSON object").at(index)
                }
                _ => not_json(&error),
            })?;
        let fields = once(pairs, "the body").map_err(|error| error.at(index))?;
        Ok(Self { fields, index })
    }

    /// Takes a field that may be absent; null is as good as absent.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let Some(value) = self.fields.remove(name) else {
            return Ok(None);
        };
        let wrong = |_| self.invalid("invalid_field", format!("{name} is not {expected}"));
        serde_json::from_str(value.get()).map_err(wrong)
    }

    /// Takes a field that may be absent and is an object of which no name stands twice.
    pub(super) fn object<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<BTreeMap<String, T>>, ApiError> {
        let pairs: Option<Pairs<String, T>> = self.optional(name, expected)?;
        pairs.map(|pairs| once(pairs, name).map_err(|error| error.at(self.index))).transpose()
    }

    /// Takes a field that must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<T, ApiError> {
        let value = self.optional(name, expected)?;
        value.ok_or_else(|| self.invalid("missing_field", format!("{name} is missing; expected {expected}")))
    }

    /// Takes a field that must be there, and where null says something.
    pub(super) fn nullable<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        if self.fields.contains_key(name) {
            return self.optional(name, expected);
        }
        Err(self.invalid("missing_field", format!("{name} is missing; expected {expected}")))
    }

    /// Takes a field as it came.
    pub(super) fn raw(&mut self, name: &str) -> Result<Box<RawValue>, ApiError> {
        let value = self.fields.remove(name);
        value.ok_or_else(|| self.invalid("missing_field", format!("{name} is missing; expected a JSON object")))
    }

    /// Refuses what is left: a name the route does not know is most likely misspelt.
    pub(super) fn finish(self, known: &str) -> Result<(), ApiError> {
        match self.fields.keys().next() {
            Some(name) => {
                let name: String = name.chars().take(64).collect();
                Err(self.invalid("unknown_field", format!("{name:?} is not a field here; expected {known}")))
            }
            None => Ok(()),
        }
    }

    /// Makes an error of this object.
    pub(super) fn invalid(&self, code: &'static str, detail: impl Into<String>) -> ApiError {
        ApiError::invalid(code, detail).at(self.index)
    }
}

/// Makes a map of what stands in `place`, where no name stands twice.
fn once<T>(pairs: Pairs<String, T>, place: &str) -> Result<BTreeMap<String, T>, ApiError> {
    let mut all = BTreeMap::new();
    for (name, value) in pairs.0 {
        if all.contains_key(&name) {
            let name: String = name.chars().take(64).collect();
            return Err(ApiError::invalid("invalid_field", format!("{name} stands twice in {place}")));
        }
        all.insert(name, value);
    }
    Ok(all)
}

fn text(body: &[u8]) -> Result<&str, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::not_json("the body is not UTF-8; expected JSON"))?;
    if text.trim_ascii().is_empty() {
        return Err(ApiError::not_json("the body is empty; expected JSON"));
    }
    Ok(text)
}

fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::not_json(format!("the body is not JSON: line {}, column {}", error.line(), error.column()))
}

//! Queries: parameters taken one by one, so that each error names its parameter and what was expected.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{ApiError, Request};

/// The parameters of a query that are not taken yet.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a request's query. A name that stands twice is refused: which of the two is meant cannot be told.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        let url = reqwest::Url::parse(&format!("http://query/?{}", request.query));
        let url = url.map_err(|_| ApiError::invalid("invalid_query", "the query cannot be read"))?;
        let mut parameters = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                let name: String = name.chars().take(64).collect();
                return Err(ApiError::invalid("invalid_field", format!("{name} stands twice in the query")));
            }
        }
        Ok(Self(parameters))
    }

    /// Takes a parameter that may be absent. An empty one is not: a script whose variable is unset would get everything.
    pub(super) fn optional<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let value = self.0.remove(name);
        let wrong = |_| ApiError::invalid("invalid_field", format!("{name} is not {expected}"));
        value.map(|value| value.parse().map_err(wrong)).transpose()
    }

    /// Takes the place where a list goes on. An empty one is the beginning: what a loop over the pages starts with.
    pub(super) fn cursor(&mut self) -> Option<String> {
        self.0.remove("cursor").filter(|cursor| !cursor.is_empty())
    }

    /// Refuses what is left: a name the route does not know is most likely misspelt.
    pub(super) fn finish(self, known: &str) -> Result<(), ApiError> {
        match self.0.keys().next() {
            Some(name) => {
                let name: String = name.chars().take(64).collect();
                Err(ApiError::invalid("unknown_field", format!("{name:?} is not a parameter here; expected {known}")))
            }
            None => Ok(()),
        }
    }
}

//! Parameters read as strictly as Stripe reads them: unknown, missing or of another type is refused.

use std::collections::BTreeMap;

use super::error::StripeError;
use super::form::Node;

/// Most pairs of metadata, and the longest key and value, in characters. Stripe's API reference,
/// "Metadata".
const MAX_METADATA: (usize, usize, usize) = (50, 40, 500);

/// Parameters of one call, or of one nested group.
#[derive(Debug)]
pub(super) struct Params {
    fields: BTreeMap<String, Node>,
    within: Option<String>,
}

impl Params {
    pub(super) fn new(fields: BTreeMap<String, Node>) -> Self {
        Self { fields, within: None }
    }

    /// Refuses every parameter but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), StripeError> {
        let unknown: Vec<String> =
            self.fields.keys().filter(|name| !known.contains(&name.as_str())).map(|name| self.full(name)).collect();
        let Some(first) = unknown.first() else {
            return Ok(());
        };
        let noun = if unknown.len() == 1 { "parameter" } else { "parameters" };
        let message = format!("Received unknown {noun}: {}", unknown.join(", "));
        Err(StripeError::param("parameter_unknown", first, &message))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, StripeError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Node::Text(text)) if text.is_empty() => {
                let full = self.full(name);
                let message = format!(
                    "You passed an empty string for '{full}'. We assume empty values are an attempt to unset a \
                     parameter; however '{full}' cannot be unset. You should remove '{full}' from your request or \
                     supply a non-empty value."
                );
                Err(StripeError::param("parameter_invalid_empty", &full, &message))
            }
            Some(Node::Text(text)) => Ok(Some(text.clone())),
            Some(Node::Parts(_)) => {
                let full = self.full(name);
                Err(StripeError::invalid(&format!("Invalid string: {full}")).with("param", full.into()))
            }
        }
    }

    /// A text of at most this many characters.
    pub(super) fn short_text(&self, name: &str, max: usize) -> Result<Option<String>, StripeError> {
        let text = self.text(name)?;
        match &text {
            Some(long) if long.chars().count() > max => {
                let message = format!("Invalid string: must be at most {max} characters");
                Err(StripeError::param("parameter_invalid_string", &self.full(name), &message))
            }
            _ => Ok(text),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, StripeError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            StripeError::param("parameter_invalid_integer", &self.full(name), &format!("Invalid integer: {text}"))
        })
    }

    /// An integer of at least one.
    pub(super) fn positive(&self, name: &str) -> Result<Option<i64>, StripeError> {
        match self.integer(name)? {
            Some(low) if low < 1 => {
                let message = "This value must be greater than or equal to 1.";
                Err(StripeError::param("parameter_invalid_integer", &self.full(name), message))
            }
            value => Ok(value),
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, StripeError> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                Err(StripeError::invalid(&format!("Invalid boolean: {other}")).with("param", self.full(name).into()))
            }
        }
    }

    pub(super) fn choice(&self, name: &str, legal: &[&str]) -> Result<Option<String>, StripeError> {
        match self.text(name)? {
            Some(text) if !legal.contains(&text.as_str()) => {
                let full = self.full(name);
                let list = legal.join(", ");
                let message = format!("Invalid {full}: must be one of {list}");
                Err(StripeError::invalid(&message).with("param", full.into()))
            }
            value => Ok(value),
        }
    }

    /// A list of texts; `None` when it is not there.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<String>>, StripeError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Node::Parts(parts)) => {
                parts.values().map(text_of).collect::<Option<_>>().map(Some).ok_or_else(|| self.not_a("array", name))
            }
            Some(Node::Text(_)) => Err(self.not_a("array", name)),
        }
    }

    /// A nested group.
    pub(super) fn group(&self, name: &str) -> Result<Option<Params>, StripeError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Node::Parts(parts)) => Ok(Some(Params { fields: parts.clone(), within: Some(self.full(name)) })),
            Some(Node::Text(_)) => Err(self.not_a("object", name)),
        }
    }

    pub(super) fn metadata(&self) -> Result<BTreeMap<String, String>, StripeError> {
        let (max_pairs, max_key, max_value) = MAX_METADATA;
        // An empty text is how Stripe's libraries unset all of it.
        if matches!(self.fields.get("metadata"), Some(Node::Text(text)) if text.is_empty()) {
            return Ok(BTreeMap::new());
        }
        let Some(group) = self.group("metadata")? else {
            return Ok(BTreeMap::new());
        };
        let mut all = BTreeMap::new();
        for (key, node) in &group.fields {
            let value = text_of(node).ok_or_else(|| self.not_a("string", &format!("metadata[{key}]")))?;
            if key.chars().count() > max_key || value.chars().count() > max_value {
                let message = "Metadata keys can have up to 40 characters, values up to 500.";
                return Err(StripeError::invalid(message).with("param", "metadata".into()));
            }
            all.insert(key.clone(), value);
        }
        if all.len() > max_pairs {
            return Err(StripeError::invalid("You can have up to 50 metadata keys.").with("param", "metadata".into()));
        }
        Ok(all)
    }

    /// The properties to expand, each one of those that can be.
    pub(super) fn expand(&self, legal: &[&str]) -> Result<Vec<String>, StripeError> {
        let asked = self.list("expand")?.unwrap_or_default();
        match asked.iter().find(|property| !legal.contains(&property.as_str())) {
            Some(illegal) => {
                let message = format!("This property cannot be expanded ({illegal}).");
                Err(StripeError::invalid(&message).with("param", "expand".into()))
            }
            None => Ok(asked),
        }
    }

    /// The error for a parameter that must be there.
    pub(super) fn missing(&self, name: &str) -> StripeError {
        let full = self.full(name);
        StripeError::param("parameter_missing", &full, &format!("Missing required param: {full}."))
    }

    fn not_a(&self, kind: &str, name: &str) -> StripeError {
        let full = self.full(name);
        StripeError::invalid(&format!("Invalid {kind}")).with("param", full.into())
    }

    fn full(&self, name: &str) -> String {
        self.within.as_ref().map_or_else(|| name.to_owned(), |within| format!("{within}[{name}]"))
    }
}

fn text_of(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => Some(text.clone()),
        Node::Parts(_) => None,
    }
}

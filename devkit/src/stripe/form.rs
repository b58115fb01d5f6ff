//! Stripe's form encoding: `metadata[order]=7`, `expand[]=latest_charge`, nested as deep as asked.

use std::collections::BTreeMap;

/// Deepest nesting read. Chosen: Stripe's own parameters reach four.
const MAX_DEPTH: usize = 8;

/// A value as it came: text, or named parts. A list has the names `0`, `1` ...
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    Parts(BTreeMap<String, Node>),
}

/// Why a form cannot be read: the key at fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadKey(pub(super) String);

/// Reads pairs of a query or a body into one tree.
pub(super) fn parse(encoded: &[u8]) -> Result<BTreeMap<String, Node>, BadKey> {
    let mut root = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(encoded) {
        let path = split(&key).ok_or_else(|| BadKey(key.to_string()))?;
        insert(&mut root, &path, value.into_owned()).ok_or_else(|| BadKey(key.to_string()))?;
    }
    Ok(root)
}

/// `a[b][]` as `a`, `b` and nothing.
fn split(key: &str) -> Option<Vec<&str>> {
    let (name, mut rest) = key.find('[').map_or((key, ""), |at| key.split_at(at));
    let mut path = vec![name];
    while !rest.is_empty() {
        let (part, after) = rest.strip_prefix('[')?.split_once(']')?;
        path.push(part);
        rest = after;
    }
    (!name.is_empty() && path.len() <= MAX_DEPTH).then_some(path)
}

fn insert(parts: &mut BTreeMap<String, Node>, path: &[&str], value: String) -> Option<()> {
    let (first, rest) = path.split_first()?;
    let name = if first.is_empty() { parts.len().to_string() } else { (*first).to_owned() };
    if rest.is_empty() {
        let before = parts.insert(name, Node::Text(value));
        return (!matches!(before, Some(Node::Parts(_)))).then_some(());
    }
    match parts.entry(name).or_insert_with(|| Node::Parts(BTreeMap::new())) {
        Node::Parts(inner) => insert(inner, rest, value),
        Node::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Node {
        Node::Text(value.to_owned())
    }

    fn parts<const N: usize>(all: [(&str, Node); N]) -> BTreeMap<String, Node> {
        all.map(|(name, node)| (name.to_owned(), node)).into()
    }

    #[test]
    fn nests_by_brackets_and_numbers_lists() {
        let form = parse(b"amount=5&metadata%5Ba%5D=x+y&expand[]=one&expand[]=two").unwrap();

        let expected = parts([
            ("amount", text("5")),
            ("metadata", Node::Parts(parts([("a", text("x y"))]))),
            ("expand", Node::Parts(parts([("0", text("one")), ("1", text("two"))]))),
        ]);
        assert_eq!(form, expected);
    }

    #[test]
    fn refuses_a_key_that_is_both_text_and_parts() {
        assert_eq!(parse(b"a=1&a[b]=2"), Err(BadKey("a[b]".to_owned())));
        assert_eq!(parse(b"a[b=1"), Err(BadKey("a[b".to_owned())));
    }
}

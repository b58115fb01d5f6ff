//! Reads an object out of a payload, and says what is wrong with one in the words of who sent it.

use serde::Deserialize;

/// Reads an object, and says of what is wrong in which field it is.
pub(super) fn object<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    // serde would take a list for the fields in their order.
    if !text.starts_with('{') {
        return Err("it is not an object".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let reason = reason(error.inner());
        if path == "." { reason } else { format!("{path}: {reason}") }
    })
}

/// Says what serde found without the place in the text: the caller sent a document, not a line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // serde quotes strings it did not expect, which may be somebody's address: the kind of value is enough.
    let text = match text.split_once("invalid type: string ") {
        Some((before, after)) => {
            let expected = after.rsplit_once("expected ").map_or("another type", |(_, expected)| expected);
            format!("{before}invalid type: string, expected {expected}")
        }
        None => text,
    };
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said);
    // What serde names by Rust's types.
    match text.rsplit_once(", expected ") {
        Some((found, "i64" | "u64" | "u32")) => format!("{found}, expected a whole number"),
        Some((found, "a sequence")) => format!("{found}, expected a list"),
        Some((found, "a map")) => format!("{found}, expected an object"),
        Some((found, expected)) if expected.starts_with("struct ") => format!("{found}, expected an object"),
        _ => text.to_owned(),
    }
}

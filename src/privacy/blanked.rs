//! An address in a text: found in either case, as a whole, and taken out with all around it left as it was written.

use crate::domain::email_address::{EmailAddress, FORGOTTEN};

/// Returns the text with [`FORGOTTEN`] in the place of the address; nothing where the text does not name it.
///
/// The text is JSON, and stays JSON: neither address has a character that JSON writes otherwise.
pub(super) fn blanked(text: &str, address: &EmailAddress) -> Option<String> {
    let address = address.expose().to_ascii_lowercase();
    // Lower case of ASCII alone, so that both texts have the same length.
    let lower = text.to_ascii_lowercase();
    let mut written = String::with_capacity(text.len());
    let mut from = 0;
    let mut search = 0;
    while let Some(found) = lower[search..].find(&address) {
        let (start, end) = (search + found, search + found + address.len());
        if stands_alone(text, start, end) {
            written.push_str(&text[from..start]);
            written.push_str(FORGOTTEN);
            from = end;
        }
        search = end;
    }
    if from == 0 {
        return None;
    }
    written.push_str(&text[from..]);
    Some(written)
}

/// Tells whether what stands there is a whole address, not the end or the beginning of another.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    // JSON writes a line break as an escape, whose letter is no part of what follows.
    let escaped = |before: &str| before.ends_with("\\n") || before.ends_with("\\t") || before.ends_with("\\r");
    let before = &text[..start];
    let mut after = text[end..].chars();
    let ends = match after.next() {
        Some('.') => !after.next().is_some_and(char::is_alphanumeric),
        Some(c) => !c.is_alphanumeric() && c != '-',
        None => true,
    };
    ends && (escaped(before) || !before.chars().next_back().is_some_and(of_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        blanked(text, &EmailAddress::parse("Jane.Doe@Example.com").unwrap())
    }

    #[test]
    fn the_address_is_taken_out_in_either_case_and_all_else_stays() {
        let text = r#"{"to":"jane.doe@example.com","big":1.10e400,"note":"ask JANE.DOE@EXAMPLE.COM.\njane.doe@example.com, ok ä"}"#;
        let expected = format!(r#"{{"to":"{FORGOTTEN}","big":1.10e400,"note":"ask {FORGOTTEN}.\n{FORGOTTEN}, ok ä"}}"#);
        assert_eq!(of(text), Some(expected));
    }

    #[test]
    fn another_address_that_contains_it_is_not_it() {
        for other in [
            "mary-jane.doe@example.com",
            "x+jane.doe@example.com",
            "jane.doe@example.com.au",
            "jane.doe@example.community",
            "éjane.doe@example.com",
            "nobody",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}

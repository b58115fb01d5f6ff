//! An address in a text: found in either case, as a whole, and taken out with all around it left as it was written.

use crate::domain::email_address::{EmailAddress, FORGOTTEN};

/// Returns the text with [`FORGOTTEN`] in the place of the address; nothing where the text does not name it.
///
/// The text is JSON, and stays JSON. An address is found however JSON writes it: any of its characters may be an escape.
pub(super) fn blanked(text: &str, address: &EmailAddress) -> Option<String> {
    let address = address.expose().to_ascii_lowercase();
    let unescaped = Unescaped::of(text);
    // Lower case of ASCII alone, so that both texts have the same length.
    let lower = unescaped.text.to_ascii_lowercase();
    let mut written = String::with_capacity(text.len());
    let mut from = 0;
    let mut search = 0;
    while let Some(found) = lower[search..].find(&address) {
        let (start, end) = (search + found, search + found + address.len());
        if stands_alone(&unescaped.text, start, end) {
            written.push_str(&text[from..unescaped.places[start]]);
            written.push_str(FORGOTTEN);
            from = unescaped.places[end];
        }
        search = end;
    }
    if from == 0 {
        return None;
    }
    written.push_str(&text[from..]);
    Some(written)
}

/// A text with the characters themselves where JSON has `\u002b` or `\/`; its other escapes are of no character that an address has.
struct Unescaped {
    text: String,
    /// Where in the text as it was written each byte comes from, and its end.
    places: Vec<usize>,
}

impl Unescaped {
    fn of(written: &str) -> Self {
        let mut unescaped = Self { text: String::with_capacity(written.len()), places: Vec::new() };
        let mut at = 0;
        while let Some(found) = written[at..].find('\\') {
            unescaped.take(written, at, at + found);
            at += found;
            let rest = written[at..].trim_start_matches('\\');
            let start = written.len() - rest.len();
            if let Some((c, length)) = escape(rest) {
                unescaped.text.push(c);
                unescaped.places.resize(unescaped.text.len(), at);
                at = start + length;
            } else {
                unescaped.take(written, at, start);
                at = start;
            }
        }
        unescaped.take(written, at, written.len());
        unescaped.places.push(written.len());
        unescaped
    }

    /// Takes a part as it was written.
    fn take(&mut self, written: &str, from: usize, to: usize) {
        self.text.push_str(&written[from..to]);
        self.places.extend(from..to);
    }
}

/// Reads what follows backslashes, and how long it is. There is more than one in a text that is JSON in JSON, as what could not be read is
/// kept.
fn escape(text: &str) -> Option<(char, usize)> {
    if text.starts_with('/') {
        return Some(('/', 1));
    }
    let (first, rest) = code_unit(text)?;
    if let Some(c) = char::from_u32(first.into()) {
        return Some((c, text.len() - rest.len()));
    }
    // Half a character: the other half is an escape of its own.
    let second = rest.trim_start_matches('\\');
    let (second, rest) = if second.len() < rest.len() { code_unit(second)? } else { return None };
    let c = char::decode_utf16([first, second]).next()?.ok()?;
    Some((c, text.len() - rest.len()))
}

/// Reads `u` and four digits, and returns what follows.
fn code_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.strip_prefix('u')?.split_at_checked(4)?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    Some((u16::from_str_radix(digits, 16).ok().filter(|_| is_number)?, rest))
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

    #[test]
    fn the_address_is_found_however_json_writes_it() {
        let of = |address: &str, text: &str| blanked(text, &EmailAddress::parse(address).unwrap());
        for (address, written) in [
            ("jane+shop@example.com", r"jane\u002Bshop@example.com"),
            ("o'brien@example.com", r"o\u0027brien\u0040example.com"),
            ("a/b@example.com", r"A\/b@example.com"),
            ("jörg@example.com", r"j\u00f6rg@example.com"),
            ("😀@example.com", r"\ud83d\ude00@example.com"),
            ("jane+shop@example.com", r"jane\\u002bshop@example.com"),
        ] {
            let text = |to: &str| format!(r#"{{"to":"{to}","note":"\u2028\ud800 {to}\n{to}","max":"\u00"}}"#);
            assert_eq!(of(address, &text(written)), Some(text(FORGOTTEN)), "{written}");
            assert_eq!(of("shop@example.com", &text(written)), None, "{written}");
        }
        assert_eq!(of("b@example.com", r#"["a\u002db@example.com"]"#), None, "it is the end of another");
    }
}

//! An e-mail address, shown in full to nobody but the mail provider.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest address, in bytes. RFC 5321, section 4.5.3.1.3, less the angle brackets.
const MAX_BYTES: usize = 254;

/// What stands in the place of an address that was forgotten: of its form, and nobody's (RFC 2606, section 2).
pub const FORGOTTEN: &str = "forgotten@forgotten.invalid";

/// An address mail can be sent to. `Debug` and `Display` mask it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// A text that is no e-mail address. It does not repeat the text, which may be somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "e-mail address is not of the form name@domain, at most {MAX_BYTES} bytes, without spaces or control characters"
)]
pub struct ParseEmailAddressError;

impl EmailAddress {
    /// Takes a text of the form `name@domain`. Whether a mailbox is behind it, only a mail can tell.
    pub fn parse(text: impl Into<String>) -> Result<Self, ParseEmailAddressError> {
        let text = text.into();
        let (name, domain) = text.rsplit_once('@').ok_or(ParseEmailAddressError)?;
        let clean = !text.chars().any(|c| c.is_control() || c.is_whitespace() || "<>,;\"\\()[]".contains(c));
        let dots = !domain.starts_with('.') && !domain.ends_with('.') && !domain.contains("..");
        if text.len() <= MAX_BYTES && clean && dots && !name.is_empty() && !name.contains('@') && !domain.is_empty() {
            return Ok(Self(text));
        }
        Err(ParseEmailAddressError)
    }

    /// Tells whether this is what stands for an address that was forgotten.
    pub fn is_forgotten(&self) -> bool {
        self.0 == FORGOTTEN
    }

    /// Returns the address itself, for the provider that delivers to it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = ParseEmailAddressError;

    fn try_from(text: String) -> Result<Self, ParseEmailAddressError> {
        Self::parse(text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, domain) = self.0.rsplit_once('@').unwrap_or_default();
        let first = name.chars().next().unwrap_or('*');
        write!(f, "{first}***@{domain}")
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_masked_wherever_it_is_printed() {
        let address = EmailAddress::parse("jane.doe@example.com").unwrap();
        assert_eq!(format!("{address} {address:?}"), "j***@example.com j***@example.com");
        assert_eq!(address.expose(), "jane.doe@example.com");
    }

    #[test]
    fn what_could_smuggle_a_second_recipient_or_header_is_refused() {
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b\r\nBcc: x@y", "a@b,c@d", "<a@b>", "a@.b", "a@b..c", "a@b@c"] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
        assert!(EmailAddress::parse(format!("{}@example.com", "x".repeat(250))).is_err());
        for good in ["a@b", "user+tag@sub.example.com", "o'hara@example.ie", "ü@example.com"] {
            assert!(EmailAddress::parse(good).is_ok(), "{good:?}");
        }
    }
}

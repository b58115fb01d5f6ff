//! A partner's webhook endpoint: where it is, what it is told of, and what signs what it is told.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::millis::Millis;
use super::signing_secret::{MAX_SECRETS, ParseSecretsError, SigningSecrets};

/// The event of a change of an escrow's state.
pub const STATUS_CHANGED: &str = "escrow.status_changed";

/// The event that an authorisation ends in a day.
pub const AUTHORIZATION_EXPIRING: &str = "escrow.authorization_expiring";

/// The event of a test, which every endpoint is told when it is asked for.
pub const TEST: &str = "webhook.test";

/// What an endpoint can be told of.
pub const EVENTS: [&str; 2] = [STATUS_CHANGED, AUTHORIZATION_EXPIRING];

/// Most endpoints of one partner. Chosen: each change is told to all of them.
pub const MAX_ENDPOINTS: usize = 20;

/// Longest address, in bytes. Chosen: what servers commonly take.
pub const MAX_URL_BYTES: usize = 2_000;

/// How long a secret that was replaced still signs. Chosen: a day to deploy the new one.
pub const KEEP_PREVIOUS_SECRET: Duration = Duration::from_hours(24);

/// How long an endpoint may fail before it is disabled. Svix' number.
pub const FAILING_FOR: Duration = Duration::from_hours(5 * 24);

/// Longest time between two failures of one run of them. Chosen: twice the longest wait between two attempts of one delivery.
pub const FAILING_GAP: Duration = Duration::from_hours(2 * 24);

/// One endpoint, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Where webhooks are posted to.
    pub url: String,
    /// The events it is told of; empty for all.
    pub events: Vec<String>,
    /// What signs.
    pub secret: EndpointSecret,
    /// What signs beside it, until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// What signed before that and still does, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub older: Vec<PreviousSecret>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Millis,
    /// When it was changed last.
    pub updated_at: Millis,
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviousSecret {
    /// It.
    pub secret: EndpointSecret,
    /// Until when it signs.
    pub until: Millis,
}

/// One secret: `whsec_` and base64 of 24 to 64 bytes. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointSecret(String);

impl EndpointSecret {
    /// Takes a text of the form.
    pub fn parse(text: impl Into<String>) -> Result<Self, ParseSecretsError> {
        let text = text.into();
        if text.contains(char::is_whitespace) {
            return Err(ParseSecretsError);
        }
        SigningSecrets::parse(&text).map(|_| Self(text))
    }

    /// Makes a secret of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        use base64::Engine;
        Self(format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(random)))
    }

    /// Returns the text, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EndpointSecret {
    type Error = ParseSecretsError;

    fn try_from(text: String) -> Result<Self, ParseSecretsError> {
        Self::parse(text)
    }
}

impl From<EndpointSecret> for String {
    fn from(secret: EndpointSecret) -> Self {
        secret.0
    }
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A list with an event that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("events is not a list of events: {}", EVENTS.join(", "))]
pub struct UnknownEvent;

/// Checks a list of events and puts it into order; an empty one stands for all.
///
/// # Errors
/// Where one of them is no event that an endpoint can choose.
pub fn checked_events(mut events: Vec<String>) -> Result<Vec<String>, UnknownEvent> {
    if events.iter().any(|event| !EVENTS.contains(&event.as_str())) {
        return Err(UnknownEvent);
    }
    events.sort_unstable();
    events.dedup();
    Ok(events)
}

impl Endpoint {
    /// Tells whether it is to be told of an event.
    pub fn wants(&self, event: &str) -> bool {
        self.events.is_empty() || event == TEST || self.events.iter().any(|wanted| wanted == event)
    }

    /// Returns what signs now: the secret, and those it replaced while they still count.
    pub fn secrets(&self, now: Millis) -> Result<SigningSecrets, ParseSecretsError> {
        let counts = |previous: &&PreviousSecret| now < previous.until;
        let replaced = self.previous.iter().chain(self.older.iter().rev()).filter(counts);
        let all = std::iter::once(&self.secret).chain(replaced.map(|previous| &previous.secret));
        SigningSecrets::parse(&all.map(EndpointSecret::expose).collect::<Vec<_>>().join(" "))
    }

    /// Replaces the secret; the old one signs beside it for a day more. So does one replaced shortly before: who replaces a secret again,
    /// because no answer came, has receivers that know neither of the new ones.
    pub fn rotate(&mut self, secret: EndpointSecret, now: Millis) {
        let old = std::mem::replace(&mut self.secret, secret);
        let before = self.previous.replace(PreviousSecret { secret: old, until: now.plus(KEEP_PREVIOUS_SECRET) });
        self.older.extend(before);
        self.older.retain(|older| now < older.until);
        // Beside these are the secret and the one before.
        let surplus = (self.older.len() + 2).saturating_sub(MAX_SECRETS);
        self.older.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        let secret = EndpointSecret::new([7; 32]);
        let at = Millis(1);
        let url = "https://partner.example/".to_owned();
        Endpoint {
            url,
            events: vec![STATUS_CHANGED.to_owned()],
            secret,
            previous: None,
            older: Vec::new(),
            enabled: true,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn a_secret_that_was_replaced_signs_for_a_day_more() {
        let mut endpoint = endpoint();
        let count = |endpoint: &Endpoint, now| endpoint.secrets(Millis(now)).unwrap().expose().len();
        assert_eq!(count(&endpoint, 5), 1);
        endpoint.rotate(EndpointSecret::new([8; 32]), Millis(5));
        assert_eq!((count(&endpoint, 6), count(&endpoint, 86_400_004), count(&endpoint, 86_400_005)), (2, 2, 1));
        assert_eq!(endpoint.secrets(Millis(6)).unwrap().expose()[0], vec![8; 32]);
    }

    #[test]
    fn a_secret_that_is_replaced_twice_leaves_the_one_that_receivers_know() {
        let mut endpoint = endpoint();
        let known = |endpoint: &Endpoint, now| endpoint.secrets(Millis(now)).unwrap().expose().to_vec();
        endpoint.rotate(EndpointSecret::new([8; 32]), Millis(5));
        endpoint.rotate(EndpointSecret::new([9; 32]), Millis(10));
        assert_eq!(known(&endpoint, 11), [[9; 32], [8; 32], [7; 32]]);
        assert_eq!(known(&endpoint, 86_400_005), [[9; 32], [8; 32]]);
        assert_eq!(known(&endpoint, 86_400_010), [[9; 32]]);
        let stored: Endpoint = serde_json::from_str(&serde_json::to_string(&endpoint).unwrap()).unwrap();
        assert_eq!(stored, endpoint);

        for secret in 10..=20 {
            endpoint.rotate(EndpointSecret::new([secret; 32]), Millis(20));
        }
        assert_eq!(known(&endpoint, 21), [[20; 32], [19; 32], [18; 32], [17; 32], [16; 32]]);
    }

    #[test]
    fn a_secret_is_of_its_form_and_never_printed() {
        let text = serde_json::to_string(&endpoint()).unwrap();
        assert_eq!(serde_json::from_str::<Endpoint>(&text).unwrap(), endpoint());
        assert!(format!("{:?}", endpoint()).contains("secret: ***"));
        let two = format!("{0} {0}", EndpointSecret::new([7; 32]).expose());
        for bad in ["", "whsec_c2hvcnQ=", &two, " whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"] {
            assert!(EndpointSecret::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_told_what_it_wants_and_every_test() {
        let mut endpoint = endpoint();
        let wanted =
            |endpoint: &Endpoint| [STATUS_CHANGED, AUTHORIZATION_EXPIRING, TEST].map(|event| endpoint.wants(event));
        assert_eq!(wanted(&endpoint), [true, false, true]);
        endpoint.events.clear();
        assert_eq!(wanted(&endpoint), [true; 3]);
    }
}

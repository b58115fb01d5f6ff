//! Who may call: whoever presents the secret key, as Bearer or as the name in Basic.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::error::StripeError;
use crate::journal::header;

pub(super) fn authorize(secret_key: &str, headers: &HeaderMap) -> Result<(), StripeError> {
    let refused = |message: &str| StripeError::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message);
    let Some(presented) = header(headers, AUTHORIZATION.as_str()) else {
        return Err(refused(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer \
             auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    };
    let key = match presented.split_once(' ') {
        Some(("Bearer", key)) => Some(key.to_owned()),
        Some(("Basic", pair)) => STANDARD
            .decode(pair)
            .ok()
            .and_then(|pair| String::from_utf8(pair).ok())
            .map(|pair| pair.split(':').next().unwrap_or_default().to_owned()),
        _ => None,
    };
    match key {
        Some(key) if key == secret_key => Ok(()),
        Some(key) => Err(refused(&format!("Invalid API Key provided: {}", masked(&key)))),
        None => Err(refused("Invalid Authorization header: expected Bearer or Basic.")),
    }
}

/// The key with all but its ends hidden.
fn masked(key: &str) -> String {
    let shown: Vec<char> = key.chars().collect();
    if shown.len() <= 12 {
        return "*".repeat(shown.len());
    }
    let ends = |part: &[char]| part.iter().collect::<String>();
    format!("{}{}{}", ends(&shown[..8]), "*".repeat(shown.len() - 12), ends(&shown[shown.len() - 4..]))
}

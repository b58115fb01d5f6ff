//! Mailgun's events: signed in the body, over a time and a token alone.
//!
//! What is signed says nothing of the rest of the body, so a token is taken once: whoever has seen one cannot use it for another body.
//! An answer of 406 tells Mailgun not to send the event again.

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;

use super::Told;
use crate::config::{Config, Secret};
use crate::deliveries::{JOB_TAG, RECIPIENT_TAG};
use crate::domain::mail_event::MailEvent;
use crate::domain::millis::Millis;
use crate::http::{ApiError, Request};

/// How old an event may be, and how far in the future. Mailgun repeats one for eight hours, and its token is remembered for longer than
/// this, so that none is taken twice.
const TOLERANCE: Duration = Duration::from_hours(12);

/// Longest token, in characters. Mailgun's have 50.
const MAX_TOKEN: usize = 100;

#[derive(Deserialize)]
struct Body {
    signature: Signature,
    #[serde(rename = "event-data")]
    event: Event,
}

#[derive(Deserialize)]
struct Signature {
    timestamp: String,
    token: String,
    #[serde(rename = "signature")]
    hex: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "event")]
    kind: String,
    /// Seconds with a fraction.
    #[serde(default)]
    timestamp: Option<Box<RawValue>>,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    recipient: Option<String>,
    #[serde(rename = "user-variables", default)]
    variables: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    message: Message,
}

#[derive(Default, Deserialize)]
struct Message {
    #[serde(default)]
    headers: BTreeMap<String, serde_json::Value>,
}

/// Reads an event whose signature holds.
pub(super) fn read(config: &Config, request: &Request, now: Millis) -> Result<Option<Told>, ApiError> {
    let refused = |code, detail: &str| ApiError::new(StatusCode::NOT_ACCEPTABLE, code, detail);
    let key = config.mailgun_webhook_key.as_ref().map_err(Clone::clone)?;
    let expected = "the body is no signed event of Resend's or Mailgun's";
    let body: Body = serde_json::from_slice(&request.body).map_err(|_| refused("invalid_event", expected))?;
    let Signature { timestamp, token, hex } = &body.signature;
    if !holds(key, timestamp, token, hex) {
        return Err(refused("invalid_signature", "the signature is not that of this time and token"));
    }
    let at = timestamp.parse().map_or(Millis(0), |seconds: i64| Millis(seconds.saturating_mul(1_000)));
    if now.since(at) > TOLERANCE || at.since(now) > TOLERANCE {
        return Err(refused("invalid_signature", "the signature is more than twelve hours old, or from the future"));
    }
    let event = body.event;
    let text = |value: Option<&serde_json::Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let mut names = vec![format!("mailgun-token:{token}")];
    names.extend(event.id.as_ref().filter(|id| id.len() <= MAX_TOKEN).map(|id| format!("mailgun:{id}")));
    let is_permanent = event.severity.as_deref() == Some("permanent");
    Ok(Some(Told {
        names,
        event: named(&event.kind, is_permanent, event.reason.as_deref()),
        is_permanent,
        at: event.timestamp.as_deref().and_then(|seconds| millis(seconds.get())),
        job: text(event.variables.get(JOB_TAG)),
        place: text(event.variables.get(RECIPIENT_TAG)),
        message_id: text(event.message.headers.get("message-id")),
        why: event.reason,
        address: event.recipient,
    }))
}

fn holds(key: &Secret, timestamp: &str, token: &str, signature: &str) -> bool {
    let Some(signature) = hex(signature) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) else { return false };
    mac.update(timestamp.as_bytes());
    mac.update(token.as_bytes());
    // Time and token stand side by side in what is signed: only digits are a time, so that none of the token can pass for one.
    let of_form = timestamp.bytes().all(|b| b.is_ascii_digit())
        && (1..=MAX_TOKEN).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_alphanumeric());
    // In constant time.
    mac.verify_slice(&signature).is_ok() && of_form
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}

/// Reads seconds with a fraction as milliseconds.
fn millis(seconds: &str) -> Option<Millis> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let ms: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(Millis(whole.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(ms)?))
}

/// Mailgun's names. Its documentation, "Events", November 2026.
fn named(event: &str, is_permanent: bool, reason: Option<&str>) -> Option<MailEvent> {
    Some(match event {
        "accepted" => MailEvent::Sent,
        "delivered" => MailEvent::Delivered,
        // Its own list of addresses it does not write to: it bounced or complained before.
        "failed" if reason.is_some_and(|reason| reason.starts_with("suppress-")) => MailEvent::Suppressed,
        "failed" if is_permanent => MailEvent::Bounced,
        "failed" => MailEvent::Delayed,
        "rejected" => MailEvent::Failed,
        "opened" | "clicked" => MailEvent::Opened,
        "complained" => MailEvent::Complained,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_fraction_are_read_to_the_millisecond() {
        let cases = [("1521472262.908181", 1_521_472_262_908), ("1521472262", 1_521_472_262_000), ("1.5", 1_500)];
        for (text, ms) in cases {
            assert_eq!(millis(text), Some(Millis(ms)), "{text}");
        }
        for bad in ["", "x", "1.x", "\"1\"", "1e3"] {
            assert_eq!(millis(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_part_of_the_token_cannot_pass_for_the_time() {
        let key = Secret::new("key");
        // printf 1700000000abc | openssl dgst -sha256 -hmac key
        let signature = "bd2f1af294b8152534265a2dada145799d31c54cb9bab55bf4ea75be1770a0e3";
        assert!(holds(&key, "1700000000", "abc", signature));
        assert!(!holds(&key, "1700000000a", "bc", signature));
        assert!(!holds(&key, "1700000000", "abd", signature));
        assert!(!holds(&Secret::new("other"), "1700000000", "abc", signature));
        assert!(!holds(&key, "1700000000", "abc", ""));
    }
}

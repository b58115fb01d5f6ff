//! Payloads at rest: sealed under a key that the store does not have, so that nobody who reads the store reads them.
//!
//! `XChaCha20-Poly1305`. The nonce is made of the key, the job and the payload, so the same job is sealed the same way every time and a write that
//! is repeated stays a repetition; no two jobs share an id. The job's id and type are bound to what is sealed: it opens nowhere else.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload as Sealing};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::Sha256;

use super::id::JobId;
use super::job::JobType;

/// How a sealed payload begins, as it is written here.
const MARK: &str = r#"{"$sealed":"#;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Bytes of a nonce: those of `XChaCha20`.
const NONCE_BYTES: usize = 24;

/// Most keys at once. Chosen: one is replaced by another; dead letters of a week ago may be under a third.
const MAX_KEYS: usize = 4;

/// One to four keys: the first seals, each opens. They are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PayloadKeys(Vec<PayloadKey>);

#[derive(Clone, PartialEq, Eq)]
struct PayloadKey {
    name: String,
    key: [u8; KEY_BYTES],
}

/// A text that holds no keys of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "payload keys are not one to {MAX_KEYS} of a name, ':' and base64 of {KEY_BYTES} bytes, with spaces between them"
)]
pub struct ParsePayloadKeysError;

/// A sealed payload that the key it names does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the payload was sealed under the key {key:?}, and was changed since or belongs to another job, or the key is another of that name"
)]
pub struct TamperedError {
    key: String,
}

/// What is stored in the place of a payload.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    #[serde(rename = "$sealed")]
    version: u32,
    key: String,
    data: String,
}

impl PayloadKeys {
    /// Takes `name:base64`, or several with spaces between them, the one that seals first.
    pub fn parse(text: &str) -> Result<Self, ParsePayloadKeysError> {
        let keys: Option<Vec<PayloadKey>> = text.split_ascii_whitespace().map(PayloadKey::parse).collect();
        let keys = keys.filter(|keys| (1..=MAX_KEYS).contains(&keys.len())).ok_or(ParsePayloadKeysError)?;
        let twice = keys.iter().enumerate().any(|(n, key)| keys[..n].iter().any(|other| other.name == key.name));
        if twice { Err(ParsePayloadKeysError) } else { Ok(Self(keys)) }
    }

    /// Seals the payload of a job.
    pub fn seal(&self, id: &JobId, job_type: JobType, payload: &RawValue) -> Box<RawValue> {
        let Some(PayloadKey { name, key }) = self.0.first() else { return payload.to_owned() };
        let (bound, plain) = (bound(id, job_type), payload.get().as_bytes());
        let nonce = nonce(key, &bound, plain);
        let sealed = cipher(key).encrypt(&XNonce::from(nonce), Sealing { msg: plain, aad: bound.as_bytes() });
        // It fails for texts of gigabytes alone.
        let Ok(sealed) = sealed else { return RawValue::NULL.to_owned() };
        let data = STANDARD.encode([&nonce[..], &sealed].concat());
        to_raw_value(&Sealed { version: 1, key: name.clone(), data }).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }

    /// Opens a sealed payload; nothing where it is none, or was sealed under a key that is not here: another deployment may have it.
    ///
    /// # Errors
    /// Where the key is here and does not open it: nobody's key will.
    pub fn open(
        &self,
        id: &JobId,
        job_type: JobType,
        payload: &RawValue,
    ) -> Result<Option<Box<RawValue>>, TamperedError> {
        if !is_sealed(payload) {
            return Ok(None);
        }
        // What is sealed by a later version has other fields, and a key of another name.
        let Ok(sealed) = serde_json::from_str::<Sealed>(payload.get()) else { return Ok(None) };
        let Some(PayloadKey { key, .. }) = self.0.iter().find(|known| known.name == sealed.key) else {
            return Ok(None);
        };
        opened(key, &bound(id, job_type), &sealed.data).ok_or(TamperedError { key: sealed.key }).map(Some)
    }
}

fn opened(key: &[u8; KEY_BYTES], bound: &str, data: &str) -> Option<Box<RawValue>> {
    let data = STANDARD.decode(data).ok()?;
    let (nonce, data) = data.split_first_chunk::<NONCE_BYTES>()?;
    let plain = cipher(key).decrypt(&XNonce::from(*nonce), Sealing { msg: data, aad: bound.as_bytes() }).ok()?;
    RawValue::from_string(String::from_utf8(plain).ok()?).ok()
}

/// Tells whether a payload is a sealed one.
pub fn is_sealed(payload: &RawValue) -> bool {
    payload.get().starts_with(MARK)
}

fn bound(id: &JobId, job_type: JobType) -> String {
    format!("holdfast-payload-1\n{job_type}\n{id}")
}

fn cipher(key: &[u8; KEY_BYTES]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key).into())
}

/// HMAC-SHA-256 over what is sealed, under a key of its own.
fn nonce(key: &[u8; KEY_BYTES], bound: &str, plain: &[u8]) -> [u8; NONCE_BYTES] {
    let mac = |key: &[u8], parts: &[&[u8]]| {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).ok();
        for part in parts {
            if let Some(mac) = &mut mac {
                mac.update(part);
            }
        }
        mac.map(|mac| mac.finalize().into_bytes()).unwrap_or_default()
    };
    let nonce_key = mac(key, &[b"holdfast payload nonce"]);
    let digest = mac(&nonce_key, &[bound.as_bytes(), b"\n", plain]);
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&digest[..NONCE_BYTES]);
    nonce
}

impl PayloadKey {
    fn parse(text: &str) -> Option<Self> {
        let (name, key) = text.split_once(':')?;
        let clean =
            (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let key: [u8; KEY_BYTES] = STANDARD.decode(key).ok()?.try_into().ok()?;
        clean.then(|| Self { name: name.to_owned(), key })
    }
}

impl fmt::Debug for PayloadKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const TWO: &str = "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";
    const PAYLOAD: &str = r#"{"transactionId":"esc-1","recipientEmail":"jane@shop.test","amount":1.50e400}"#;

    fn keys(text: &str) -> PayloadKeys {
        PayloadKeys::parse(text).unwrap()
    }

    fn id(text: &str) -> JobId {
        JobId::parse(text).unwrap()
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn sealed(by: &str) -> Box<RawValue> {
        keys(by).seal(&id("job-1"), JobType::SendReleaseEmail, &raw(PAYLOAD))
    }

    fn opened(by: &str, job: &str, job_type: JobType, payload: &RawValue) -> Result<Option<String>, TamperedError> {
        keys(by).open(&id(job), job_type, payload).map(|plain| plain.map(|plain| plain.get().to_owned()))
    }

    #[test]
    fn what_is_sealed_shows_nothing_and_opens_to_the_byte() {
        let sealed = sealed(ONE);
        assert!(is_sealed(&sealed) && !sealed.get().contains("jane") && sealed.get().contains(r#""key":"k1""#));
        assert_eq!(opened(ONE, "job-1", JobType::SendReleaseEmail, &sealed).unwrap().as_deref(), Some(PAYLOAD));
    }

    #[test]
    fn the_same_job_is_sealed_the_same_way_and_no_other_is() {
        assert_eq!(sealed(ONE).get(), sealed(ONE).get());
        let other = keys(ONE).seal(&id("job-2"), JobType::SendReleaseEmail, &raw(PAYLOAD));
        assert_ne!(sealed(ONE).get()[30..80], other.get()[30..80]);
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let both = format!("{TWO} {ONE}");
        assert!(sealed(&both).get().contains(r#""key":"k2""#));
        assert_eq!(opened(&both, "job-1", JobType::SendReleaseEmail, &sealed(ONE)).unwrap().as_deref(), Some(PAYLOAD));
        assert_eq!(opened(TWO, "job-1", JobType::SendReleaseEmail, &sealed(ONE)), Ok(None));
    }

    #[test]
    fn it_opens_for_its_own_job_alone_and_not_when_a_bit_was_changed() {
        let whole = sealed(ONE);
        assert!(opened(ONE, "job-2", JobType::SendReleaseEmail, &whole).is_err());
        assert!(opened(ONE, "job-1", JobType::SendRefundEmail, &whole).is_err());
        let at = whole.get().len() - 10;
        let changed = if &whole.get()[at..=at] == "A" { "B" } else { "A" };
        let tampered = raw(&format!("{}{changed}{}", &whole.get()[..at], &whole.get()[at + 1..]));
        assert!(opened(ONE, "job-1", JobType::SendReleaseEmail, &tampered).is_err());
    }

    #[test]
    fn keys_have_a_name_and_thirty_two_bytes_and_are_not_printed() {
        for bad in [
            "",
            "k1",
            "k1:",
            "k1:c2hvcnQ=",
            &ONE[3..],
            &format!("{ONE} {ONE}"),
            &format!("a b{ONE}"),
            &[ONE; 5].join(" "),
        ] {
            assert!(PayloadKeys::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", keys(ONE)), "***");
    }
}

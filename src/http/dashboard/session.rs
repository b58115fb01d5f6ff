//! Who is signed in: a cookie that only the holder of the processor's token can have been given.
//!
//! The cookie holds its end, a name, and a MAC over both with the token as its key. Nothing is stored, so a new token ends every session, and
//! signing out takes the cookie from the browser. Forms carry a second MAC over the name: another site can neither read nor make it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use sha2::Sha256;

use super::problem::{Problem, SignIn};
use crate::app::App;
use crate::auth;
use crate::config::Secret;
use crate::domain::millis::Millis;
use crate::http::{Request, reply};

/// How long a session lasts. Chosen: a working day, so that a forgotten browser is closed by the next morning.
const LASTS: Duration = Duration::from_hours(8);

/// The cookie's name where it is sent over TLS. The prefix has browsers refuse it without `Secure`, and from other hosts of the domain.
const NAME: &str = "__Host-holdfast";

/// The cookie's name on this machine, where there is no TLS.
const LOCAL_NAME: &str = "holdfast";

/// Someone who is signed in.
#[derive(Debug)]
pub(super) struct Session {
    /// What forms carry.
    pub(super) form_token: String,
}

/// Lets in whoever has a cookie of this deployment that has not ended.
pub(super) fn of(app: &App, request: &Request) -> Result<Session, Problem> {
    let token = app.config().processor_token.as_ref().map_err(Clone::clone)?;
    let cookie = cookie(request).ok_or(SignIn::NoSession)?;
    let (signed, mac) = cookie.rsplit_once('.').ok_or(SignIn::Invalid)?;
    let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| SignIn::Invalid)?;
    let known = keyed(app, token, &format!("session {signed}"));
    known.verify_slice(&mac).map_err(|_| SignIn::Invalid)?;
    let (ends, name) = signed.split_once('.').ok_or(SignIn::Invalid)?;
    let ends = ends.parse().map(Millis).map_err(|_| SignIn::Invalid)?;
    if ends <= app.clock().now() {
        return Err(SignIn::Ended.into());
    }
    Ok(Session { form_token: form_token(app, token, name) })
}

/// Makes the cookie of a new session for whoever shows the processor's token.
pub(super) fn begin(app: &App, request: &Request, shown: &str) -> Result<HeaderValue, Problem> {
    let shown = auth::Credentials { bearer: Some(shown.trim()), says_cron: false };
    auth::processor(app.config(), shown).map_err(|error| match error {
        auth::AuthError::NotConfigured(error) => Problem::from(error),
        _ => SignIn::WrongToken.into(),
    })?;
    let token = app.config().processor_token.as_ref().map_err(Clone::clone)?;
    let signed = format!("{}.{}", app.clock().now().plus(LASTS), app.dice().claim_id());
    let mac = keyed(app, token, &format!("session {signed}")).finalize().into_bytes();
    Ok(set_cookie(request, &format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)), LASTS))
}

/// Makes the cookie that takes the place of a session's and is gone at once.
pub(super) fn end(request: &Request) -> HeaderValue {
    set_cookie(request, "", Duration::ZERO)
}

impl Session {
    /// Tells whether a form was written for this session.
    pub(super) fn wrote(&self, form_token: &str) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.form_token.as_bytes(), form_token.as_bytes()).into()
    }
}

/// Tells whether a form was sent from a page of this host, as the browser says. What is no browser says nothing, and is not misled either.
pub(super) fn is_from_here(request: &Request) -> bool {
    if let Some(site) = request.header("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = request.header("origin") else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && (host == request.header("x-forwarded-host") || host == request.header("host"))
}

fn cookie(request: &Request) -> Option<&str> {
    let lines = request.headers.get_all("cookie").into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let name = if is_on_this_machine(request) { LOCAL_NAME } else { NAME };
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn set_cookie(request: &Request, value: &str, lasts: Duration) -> HeaderValue {
    let (name, secure) = if is_on_this_machine(request) { (LOCAL_NAME, "") } else { (NAME, "; Secure") };
    let seconds = lasts.as_secs();
    reply::text(&format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"))
}

/// Tells whether the browser is on this machine and speaks plain HTTP: a `Secure` cookie might not come back.
fn is_on_this_machine(request: &Request) -> bool {
    let host = request.header("host").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") && request.header("x-forwarded-proto") != Some("https")
}

fn form_token(app: &App, token: &Secret, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(keyed(app, token, &format!("form {name}")).finalize().into_bytes())
}

/// A MAC over a text and the deployment's prefix: two deployments with one token do not share their sessions.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(app: &App, token: &Secret, text: &str) -> Hmac<Sha256> {
    let prefix = app.config().key_prefix.as_deref().unwrap_or_default();
    let mac = Hmac::<Sha256>::new_from_slice(token.expose().as_bytes());
    let mut mac = mac.expect("HMAC takes a key of any length");
    mac.update(format!("holdfast dashboard {text} {prefix}").as_bytes());
    mac
}

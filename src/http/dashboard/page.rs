//! A page: its frame, its headers, and those that are the same for every part of the dashboard.

use askama::Template;
use http::{HeaderValue, StatusCode};

use super::assets;
use super::session::Session;
use crate::http::{ApiError, Response, reply};

/// Only this host's own style sheet, script and picture; forms to this host alone; no frame around it. Nothing stands in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What all pages have around their own part.
#[derive(Debug)]
pub(super) struct Shell {
    /// The page's own name.
    pub(super) title: String,
    /// What forms carry; nothing where nobody is signed in.
    pub(super) form_token: Option<String>,
    /// What came of the last form.
    pub(super) notice: Option<String>,
    /// Which part of the dashboard it is.
    pub(super) part: &'static str,
    /// Where the style sheet, the script and the icon are.
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
}

impl Shell {
    /// The frame of a page for someone who is signed in.
    pub(super) fn new(title: impl Into<String>, part: &'static str, session: &Session) -> Self {
        Self { form_token: Some(session.form_token.clone()), part, ..Self::bare(title) }
    }

    /// The frame of a page for anyone.
    pub(super) fn bare(title: impl Into<String>) -> Self {
        let [style, script, icon] = assets::ALL.map(assets::Asset::address);
        Self { title: title.into(), form_token: None, notice: None, part: "", style, script, icon }
    }

    /// Says what came of the last form.
    pub(super) fn saying(mut self, notice: Option<String>) -> Self {
        self.notice = notice;
        self
    }
}

#[derive(Template)]
#[template(path = "dashboard/sign_in.html")]
struct SignInPage<'a> {
    shell: Shell,
    wrong: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "dashboard/message.html")]
struct MessagePage<'a> {
    shell: &'a Shell,
    status: StatusCode,
    detail: &'a str,
    code: &'a str,
}

/// The page to sign in on; `wrong` is why it was not enough.
pub(super) fn sign_in(wrong: Option<&str>) -> Result<Response, ApiError> {
    render(&SignInPage { shell: Shell::bare("Sign in"), wrong })
}

/// A page that says what went wrong.
pub(super) fn message(shell: &Shell, error: &ApiError) -> Result<Response, ApiError> {
    render(&MessagePage { shell, status: error.status(), detail: error.detail(), code: error.code() })
}

/// Writes a page.
pub(super) fn render(template: &impl Template) -> Result<Response, ApiError> {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        ApiError::internal()
    })?;
    let mut response = Response::new(html.into());
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Not `no-referrer`: with it browsers send no origin with a form, and it could not be told from another site's.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Sends the browser to another page of the dashboard, named by its query.
pub(super) fn see_other(query: &str) -> Response {
    let mut response = Response::new(bytes::Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert("location", reply::text(&format!("?{query}")));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

//! The style sheet, the script and the icon, served by the function itself. They are the same for everyone, signed in or not.

use std::fmt::Write;

use http::HeaderValue;
use sha2::{Digest, Sha256};

use crate::http::{ApiError, Response};

/// A file that pages refer to.
#[derive(Debug)]
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// The style sheet, the script, the icon.
pub(super) static ALL: [&Asset; 3] = [
    &Asset {
        name: "style.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../../../templates/dashboard/style.css"),
    },
    &Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../../../templates/dashboard/live.js"),
    },
    &Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("../../../templates/dashboard/icon.svg") },
];

impl Asset {
    /// Returns where it is. The address changes with the text, so a browser may keep it.
    pub(super) fn address(&self) -> String {
        let digest = Sha256::digest(self.text);
        let start = digest.iter().take(6).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        format!("?asset={}&v={start}", self.name)
    }
}

/// Answers with a file.
pub(super) fn answer(name: &str) -> Result<Response, ApiError> {
    let asset = ALL.into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| ApiError::not_found("unknown_asset", "there is no such file"))?;
    let mut response = Response::new(asset.text.into());
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(asset.kind));
    headers.insert("cache-control", HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    Ok(response)
}

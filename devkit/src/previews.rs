//! The page of all mails with sample data.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use holdfast::config::{Brand, Config};
use holdfast::workers::email::{Preview, previews};

use crate::page;

/// Each mail with sample data, under the name that nobody has set.
pub fn all() -> Vec<Preview> {
    Config::from_lookup(|_| None).brand.map(|brand| previews(&brand)).unwrap_or_default()
}

/// The page at `base`, and each mail's HTML alone at `base/{name}`, as a mail program has it.
pub(crate) fn pages(brand: &Brand, base: &'static str) -> Router {
    let mails = previews(brand);
    let one = |mail: &Preview| (format!("{base}/{}", mail.name), Html(mail.html.clone()));
    let alone: Vec<_> = mails.iter().map(one).collect();
    let list = move || std::future::ready(list(base, &mails));
    let router = Router::new().route(base, get(list));
    alone.into_iter().fold(router, |router, (path, html)| router.route(&path, get(|| std::future::ready(html))))
}

#[derive(Template)]
#[template(path = "mails.html")]
struct ListPage<'a> {
    base: &'static str,
    mails: &'a [Preview],
}

fn list(base: &'static str, mails: &[Preview]) -> Response {
    page::render(&ListPage { base, mails }).into_response()
}

//! A browser before the dashboard: it keeps its cookie, and sends forms as a page would.

use holdfast::app::App;

use crate::bench::Bench;
use crate::site::{Answer, TOKEN, call};

pub(crate) const PATH: &str = "/api/dashboard";

/// A host that browsers reach over TLS.
pub(crate) const HOST: &str = "holdfast.example";

/// What a browser sends with every form of a page of this host.
pub(crate) const FORM: [(&str, &str); 4] = [
    ("accept", "text/html"),
    ("host", HOST),
    ("content-type", "application/x-www-form-urlencoded"),
    ("sec-fetch-site", "same-origin"),
];

/// Someone who is signed in.
pub(crate) struct Browser {
    pub(crate) app: App,
    pub(crate) cookie: String,
    pub(crate) form_token: String,
}

impl Browser {
    pub(crate) async fn signed_in(app: App, token: &str) -> Self {
        let answer = sign_in(&app, token).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let mut browser = Self { app, cookie: cookie(&answer), form_token: String::new() };
        browser.form_token = form_token(&browser.get("").await.text);
        browser
    }

    pub(crate) async fn of(t: &Bench) -> Self {
        Self::signed_in(t.app_with(&[]), TOKEN).await
    }

    /// Opens a page by its query.
    pub(crate) async fn get(&self, query: &str) -> Answer {
        let headers = [("accept", "text/html"), ("host", HOST), ("cookie", self.cookie.as_str())];
        call(&self.app, "GET", &format!("{PATH}?{query}"), &headers, "").await
    }

    /// Sends a form from the page of a query.
    pub(crate) async fn post(&self, query: &str, fields: &[(&str, &str)]) -> Answer {
        let token = [("form", self.form_token.as_str())];
        self.post_bare(query, &[], &[&token, fields].concat()).await
    }

    /// Sends a form without the page's token, and with other headers.
    pub(crate) async fn post_bare(&self, query: &str, more: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
        let mut headers: Vec<(&str, &str)> = FORM.to_vec();
        headers.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        headers.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        headers.push(("cookie", &self.cookie));
        call(&self.app, "POST", &format!("{PATH}?{query}"), &headers, &encoded(fields)).await
    }

    /// Sends a form, and opens the page that it leads to.
    pub(crate) async fn act(&self, query: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(query, fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let location = answer.headers["location"].to_str().unwrap().trim_start_matches('?').to_owned();
        let page = self.get(&location).await;
        assert_eq!(page.status, 200, "{location}: {}", page.text);
        page
    }
}

pub(crate) async fn sign_in(app: &App, token: &str) -> Answer {
    call(app, "POST", PATH, &FORM, &encoded(&[("action", "sign-in"), ("token", token)])).await
}

/// The cookie of an answer, as a browser sends it back.
pub(crate) fn cookie(answer: &Answer) -> String {
    answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) fn form_token(page: &str) -> String {
    page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

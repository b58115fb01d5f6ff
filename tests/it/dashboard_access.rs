//! Who may see the dashboard and send its forms, and what a browser is told about its pages.

use std::time::Duration;

use holdfast::config::{JOB_PROCESSOR_SECRET_TOKEN, KEY_PREFIX};
use holdfast::domain::outcome::FailureKind;

use crate::bench::Bench;
use crate::dashboard_bench::{Browser, FORM, HOST, PATH, cookie, encoded, sign_in};
use crate::site::{TOKEN, call};

const HTML: [(&str, &str); 2] = [("accept", "text/html"), ("host", HOST)];

#[tokio::test]
async fn nobody_sees_anything_without_a_session() {
    let t = Bench::new().await;
    let id = t.bury(1, FailureKind::Rejected).await.remove(0);
    let app = t.app_with(&[]);
    for query in ["", "view=dead-letters", &format!("job={id}"), "job=job-none", "escrow=x", "nonsense=1"] {
        let page = call(&app, "GET", &format!("{PATH}?{query}"), &HTML, "").await;
        assert_eq!(page.status, 401, "{query}");
        assert!(page.text.contains("Sign in") && !page.text.contains(id.as_str()), "{query}: {}", page.text);
        let plain = call(&app, "GET", &format!("{PATH}?{query}"), &[], "").await;
        assert_eq!(plain.problem(), (401, "no_session"), "{query}");
    }
    // The processor's token as a bearer is for programs, which have routes of their own.
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(call(&app, "GET", PATH, &[("authorization", &bearer)], "").await.problem(), (401, "no_session"));
}

#[tokio::test]
async fn the_token_opens_a_session_by_a_cookie_that_no_script_and_no_other_site_gets() {
    let t = Bench::new().await;
    let app = t.app_with(&[]);
    let attributes = |answer: &crate::site::Answer| {
        let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
        let (value, rest) = cookie.split_once("; ").unwrap();
        (value.split('=').next().unwrap().to_owned(), rest.to_owned())
    };
    let answer = sign_in(&app, &format!(" {TOKEN}\n")).await;
    let all = "Path=/; Max-Age=28800; HttpOnly; SameSite=Strict";
    assert_eq!((answer.status, attributes(&answer)), (303, ("__Host-holdfast".into(), format!("{all}; Secure"))));

    let local = |forwarded: &'static str| {
        let mut headers = FORM.to_vec();
        headers[1] = ("host", "127.0.0.1:3000");
        headers.extend(Some(("x-forwarded-proto", forwarded)).filter(|_| !forwarded.is_empty()));
        headers
    };
    let body = encoded(&[("action", "sign-in"), ("token", TOKEN)]);
    let plain = call(&app, "POST", PATH, &local(""), &body).await;
    assert_eq!(attributes(&plain), ("holdfast".into(), all.into()));
    let behind_tls = call(&app, "POST", PATH, &local("https"), &body).await;
    assert!(attributes(&behind_tls).1.ends_with("; Secure"));
}

#[tokio::test]
async fn a_wrong_token_opens_nothing_and_an_unset_one_says_which_variable() {
    let t = Bench::new().await;
    for token in ["", "x", &TOKEN[1..], &TOKEN.to_uppercase(), &"x".repeat(100_000)] {
        let answer = sign_in(&t.app_with(&[]), token).await;
        assert_eq!((answer.status, answer.headers.get("set-cookie")), (401, None));
        assert!(answer.text.contains("the token is not valid here."), "{}", answer.text);
    }
    let unset = t.app_with(&[(JOB_PROCESSOR_SECRET_TOKEN, "")]);
    for answer in [sign_in(&unset, "").await, call(&unset, "GET", PATH, &HTML, "").await] {
        assert_eq!(answer.status, 503);
        assert!(answer.text.contains("the variable JOB_PROCESSOR_SECRET_TOKEN is not set"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_cookie_that_was_changed_anywhere_is_refused_and_taken_away() {
    let t = Bench::new().await;
    let mut browser = Browser::of(&t).await;
    let good = browser.cookie.clone();
    let (name, value) = good.split_once('=').unwrap();
    let mut forged: Vec<String> = (0..value.len())
        .map(|at| {
            let other = if &value[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &value[..at], &value[at + 1..])
        })
        .collect();
    forged.extend(["", ".", "..", "9999999999999.x.", "a.b.c"].map(str::to_owned));
    forged.extend([value[..value.len() - 1].to_owned(), format!("{value}A"), format!("9{value}")]);
    for value in forged {
        browser.cookie = format!("{name}={value}");
        let page = browser.get("").await;
        assert_eq!(page.status, 401, "{value}");
        assert!(page.text.contains("was changed; sign in again"), "{value}: {}", page.text);
        assert!(page.headers["set-cookie"].to_str().unwrap().contains("=; Path=/; Max-Age=0;"));
    }
    browser.cookie = format!("a=b; {good}; c");
    assert_eq!(browser.get("").await.status, 200);
}

#[tokio::test]
async fn a_session_ends_after_eight_hours_with_the_token_or_by_signing_out() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    let gone = browser.post("", &[("action", "sign-out")]).await;
    assert!(gone.headers["set-cookie"].to_str().unwrap().starts_with("__Host-holdfast=; Path=/; Max-Age=0;"));

    t.advance(Duration::from_hours(8) - Duration::from_millis(1));
    assert_eq!(browser.get("").await.status, 200);
    t.advance(Duration::from_millis(1));
    let ended = browser.get("").await;
    assert_eq!(ended.status, 401);
    assert!(ended.text.contains("the session has ended; sign in again."), "{}", ended.text);

    let young = cookie(&sign_in(&t.app_with(&[]), TOKEN).await);
    for other in [(JOB_PROCESSOR_SECRET_TOKEN, "another-token"), (KEY_PREFIX, "another:")] {
        let app = t.app_with(&[other]);
        let answer = call(&app, "GET", PATH, &[("host", HOST), ("cookie", &young)], "").await;
        assert_eq!(answer.problem(), (401, "session_invalid"), "{other:?}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_or_session_is_refused_and_nothing_is_done() {
    let t = Bench::new().await;
    let id = t.bury(1, FailureKind::Rejected).await.remove(0).to_string();
    let browser = Browser::of(&t).await;
    let other = Browser::of(&t).await;
    let redrive = format!("redrive {id}");
    let fields = [("action", redrive.as_str())];
    let with = |token: &'static str| [("form", token), ("action", "pause"), ("type", "*")];
    let before = t.state().await;
    let foreign = |answer: crate::site::Answer| {
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert!(answer.text.contains("nothing was done"), "{}", answer.text);
    };
    for site in ["cross-site", "same-site", "x"] {
        let whole = [("form", browser.form_token.as_str()), fields[0]];
        foreign(browser.post_bare("", &[("sec-fetch-site", site)], &whole).await);
    }
    for origin in ["https://evil.example", "null", "https://holdfast.example.evil.example", "holdfast.example"] {
        let whole = [("form", browser.form_token.as_str()), fields[0]];
        foreign(browser.post_bare("", &[("sec-fetch-site", ""), ("origin", origin)], &whole).await);
    }
    foreign(browser.post_bare("", &[], &fields).await);
    foreign(browser.post_bare("", &[], &[("form", other.form_token.as_str()), fields[0]]).await);
    foreign(browser.post_bare("", &[], &with("x")).await);
    // Signing in is a form as well: another site shall not sign a browser in as somebody else.
    let sign_in = [("action", "sign-in"), ("token", TOKEN)];
    foreign(browser.post_bare("", &[("sec-fetch-site", "cross-site")], &sign_in).await);
    assert_eq!(t.state().await, before);

    let own_origin = [("sec-fetch-site", ""), ("origin", "https://holdfast.example")];
    let whole = [("form", browser.form_token.as_str()), fields[0]];
    assert_eq!(browser.post_bare("", &own_origin, &whole).await.status, 303);
}

#[tokio::test]
async fn no_page_has_anything_in_it_that_its_policy_forbids() {
    let t = Bench::new().await;
    let id = t.bury(3, FailureKind::Rejected).await.remove(0);
    let browser = Browser::of(&t).await;
    let discard = format!("discard {id}");
    let mut pages = vec![
        browser.post("view=dead-letters", &[("action", &discard)]).await,
        browser.post("", &[("action", "nonsense")]).await,
        call(&browser.app, "GET", PATH, &HTML, "").await,
    ];
    for query in
        ["", "hours=24", "view=dead-letters", &format!("job={id}"), "job=none", &format!("find={}", "0".repeat(64))]
    {
        pages.push(browser.get(query).await);
    }
    for page in pages {
        let header = |name: &str| page.headers[name].to_str().unwrap();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!((header("cache-control"), header("x-content-type-options")), ("no-store", "nosniff"));
        assert_eq!((header("x-frame-options"), header("referrer-policy")), ("DENY", "same-origin"));
        for forbidden in
            ["<style", " style=", "javascript:", "http://", "https://", "<base", "<iframe", "onclick", "onload"]
        {
            assert!(!page.text.contains(forbidden), "{forbidden} in {}", page.text);
        }
        assert_eq!(page.text.matches("<script").count(), page.text.matches("<script src=\"?asset=live.js").count());
    }
}

#[tokio::test]
async fn style_script_and_icon_are_there_for_everyone_and_may_be_kept() {
    let t = Bench::new().await;
    let app = t.app_with(&[]);
    let page = call(&app, "GET", PATH, &HTML, "").await.text;
    for (name, kind) in [("style.css", "text/css"), ("live.js", "text/javascript"), ("icon.svg", "image/svg+xml")] {
        let query =
            page.split(&format!("?asset={name}")).nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
        let asset = call(&app, "GET", &format!("{PATH}?asset={name}{query}"), &[], "").await;
        assert_eq!(asset.status, 200, "{name}{query}");
        assert!(asset.headers["content-type"].to_str().unwrap().starts_with(kind) && !asset.text.is_empty());
        assert!(asset.headers["cache-control"].to_str().unwrap().ends_with("immutable"));
        assert_eq!(asset.headers["x-content-type-options"], "nosniff");
    }
    assert_eq!(
        call(&app, "GET", &format!("{PATH}?asset=../Cargo.toml"), &[], "").await.problem(),
        (404, "unknown_asset")
    );
}

#[tokio::test]
async fn an_answer_that_leads_to_another_page_has_the_headers_of_all_answers() {
    let t = Bench::new().await;

    let answer = sign_in(&t.app_with(&[]), TOKEN).await;

    assert_eq!((answer.status, &answer.headers["x-content-type-options"]), (303, &"nosniff".parse().unwrap()));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

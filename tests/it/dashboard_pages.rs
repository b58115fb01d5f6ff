//! What the dashboard's pages show, and what their forms do.

use std::time::Duration;

use devkit::rest::Fault;
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::{Failure, FailureKind};
use holdfast::queue::Verdict;
use holdfast::upstash::keys::Keys;
use serde_json::{Value, json};

use crate::bench::{Bench, START, delayed, failure};
use crate::dashboard_bench::Browser;
use crate::escrow_bench::{PROCESSOR, Shop};

/// SHA-256 of jane@example.com.
const JANE: &str = "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d";

const MAIL: &str = r#"{"transactionId":"t-1","recipientEmail":"Jane@example.com","amount":10000,"currency":"usd"}"#;

async fn enqueue(t: &Bench, job_type: JobType, payload: &str) -> String {
    t.queue.enqueue(&[t.job(job_type, payload, JobOptions::default())]).await.unwrap().remove(0).id().to_string()
}

#[tokio::test]
async fn the_overview_counts_what_there_is_and_what_happened() {
    let t = Bench::new().await;
    t.bury(2, FailureKind::Rejected).await;
    t.enqueue(JobOptions::default()).await;
    t.enqueue(delayed(Duration::from_hours(1))).await;
    t.advance(Duration::from_secs(90));

    let page = Browser::of(&t).await.get("").await;

    let figure = |name: &str| {
        let after = page.text.split(&format!("<dt>{name}</dt><dd>")).nth(1).unwrap();
        let cell = after.split("</dd>").next().unwrap();
        cell.rsplit_once("</a>").map_or(cell, |(link, _)| link.rsplit_once('>').unwrap().1).to_owned()
    };
    let figures = ["Ready", "In flight", "Waiting for their time", "Dead letters", "Oldest due for"].map(figure);
    assert_eq!(figures, ["1", "0", "1", "2", "90 s"]);
    assert!(
        page.text.contains("aria-label=\"Failed: 2 for good, 0 to be tried again in the last hour\""),
        "{}",
        page.text
    );
    assert!(page.text.contains("<title>08:00 to 08:01: 2 for good, 0 to be tried again</title>"), "{}", page.text);
}

#[tokio::test]
async fn a_page_costs_a_call_or_two() {
    let t = Shop::new().await;
    let escrow = t.authorized().await;
    let id = t.bench.enqueue(JobOptions::default()).await.id().to_string();
    let browser = Browser::signed_in(t.app.clone(), PROCESSOR).await;
    let (job, escrow, find) = (format!("job={id}"), format!("escrow={escrow}"), format!("find={JANE}"));
    for (query, calls) in [("", 1), ("hours=24", 1), ("view=dead-letters", 1), (&job, 1), (&escrow, 2), (&find, 5)] {
        browser.get(query).await;
        let before = t.bench.rest.calls();
        assert_eq!(browser.get(query).await.status, 200);
        let spent = t.bench.rest.calls() - before;
        assert!(spent <= calls, "{query}: {spent} calls, at most {calls}");
    }
    let before = t.bench.rest.calls();
    browser.get("asset=style.css").await;
    browser.get("job=a%20b").await;
    assert_eq!(t.bench.rest.calls(), before, "a file and a bad question cost nothing");
}

#[tokio::test]
async fn whatever_stands_in_a_job_is_text_on_its_page() {
    const EVIL: &str = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}";
    let t = Bench::new().await;
    let payload = json!({"eventData": {"x": EVIL, EVIL: [1]}}).to_string();
    let id = enqueue(&t, JobType::AuditLogCreated, &payload).await;
    let job = t.claim_one().await;
    let retry = Verdict::Retry { failure: Failure::new(FailureKind::Timeout, EVIL), at: t.clock.now() };
    t.settle(&job, retry).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(Failure::new(FailureKind::Rejected, EVIL))).await;
    // Another producer's, which is no document at all.
    t.redis(&["SET", &format!("{}job:job-evil", t.prefix), EVIL]).await;
    t.redis(&["ZADD", &format!("{}queue:dead_letter", t.prefix), "1", "job-evil"]).await;
    let browser = Browser::of(&t).await;

    for query in ["view=dead-letters".to_owned(), format!("job={id}"), "job=job-evil".to_owned()] {
        let page = browser.get(&query).await;
        assert_eq!(page.status, 200, "{query}");
        assert!(page.text.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{query}: {}", page.text);
        for raw in ["<script>", "<img", "onerror=alert(2)>"] {
            assert!(!page.text.contains(raw), "{query}: {}", page.text);
        }
    }
}

#[tokio::test]
async fn whatever_stands_in_an_address_is_text_on_the_page_that_refuses_it() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    let evil = "%3Cscript%3Ealert(1)%3C/script%3E";
    for (query, status) in [
        (format!("job={evil}"), 422),
        (format!("escrow={evil}"), 422),
        (format!("view={evil}"), 422),
        (format!("{evil}=1"), 422),
        (format!("view=dead-letters&type={evil}"), 422),
        (format!("view=dead-letters&errorKind={evil}"), 422),
        (format!("view=dead-letters&cursor={evil}"), 422),
        (format!("asset={evil}"), 404),
        ("hours=2".into(), 422),
        ("hours=-1".into(), 422),
        ("hours=1&hours=1".into(), 422),
        ("find=0".into(), 422),
        (format!("find={JANE}&from=-1"), 422),
        ("job=none".into(), 404),
        ("escrow=esc_none".into(), 404),
        (format!("job={}", "x".repeat(201)), 422),
        ("n=x".into(), 422),
        ("view=dead-letters&job=job-1&view=x".into(), 422),
    ] {
        let page = browser.get(&query).await;
        assert_eq!(page.status, status, "{query}: {}", page.text);
        assert!(!page.text.contains("<script>"), "{query}: {}", page.text);
    }
    // A notice is one of ours or none.
    let page = browser.get(&format!("notice={evil}&n=3")).await;
    assert!(page.status == 200 && !page.text.contains("alert(1)"));
}

#[tokio::test]
async fn every_wrong_form_is_refused_with_what_was_expected_and_nothing_is_done() {
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let t = Bench::new().await;
    t.bury(1, FailureKind::Rejected).await;
    let browser = Browser::of(&t).await;
    let many: Vec<String> = (0..101).map(|n| format!("job-{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|id| ("id", id.as_str())).chain([("action", "redrive")]).collect();
    let before = t.state().await;
    let cases: [(Fields<'_>, u16, &str); 13] = [
        (&[], 422, "is nothing that a form here asks for"),
        (&[("action", "<b>")], 422, "is nothing that a form here asks for"),
        (&[("action", "pause"), ("action", "pause")], 422, "action stands twice"),
        (&[("action", "pause"), ("type", "nothing")], 422, "is not one of send_release_email"),
        (&[("action", "pause")], 422, "is not one of send_release_email"),
        (&[("action", "redrive")], 422, "nothing is chosen"),
        (&[("action", "redrive"), ("id", "a b")], 422, "job id has the character"),
        (&[("action", "redrive job-none")], 409, "job-none is no dead letter"),
        (&many, 422, "more than 100"),
        (&[("action", "cancel")], 422, "job id has 0 bytes"),
        (&[("action", "cancel job-none")], 404, "there is no such job"),
        (&[("action", "search"), ("text", "a b")], 422, "the text names nothing"),
        (&[("action", "addresses")], 422, "only a job"),
    ];
    for (fields, status, says) in cases {
        let page = browser.post("", fields).await;
        assert_eq!(page.status, status, "{fields:?}: {}", page.text);
        assert!(page.text.contains(says), "{fields:?}: {}", page.text);
    }
    let json = browser.post_bare("", &[("content-type", "application/json")], &[]).await;
    assert_eq!(json.status, 415);
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn a_dead_letter_is_redriven_by_its_button_and_the_page_says_so() {
    let t = Bench::new().await;
    let dead = t.bury(3, FailureKind::Rejected).await;
    let browser = Browser::of(&t).await;

    let page = browser.act("view=dead-letters", &[("action", &format!("redrive {}", dead[1]))]).await;

    assert!(page.text.contains("1 dead letter is back in the queue."), "{}", page.text);
    assert!(!page.text.contains(dead[1].as_str()) && page.text.contains(dead[0].as_str()));
    let jobs = t.claim(10).await.jobs;
    assert_eq!((&jobs[0].id, jobs.len()), (&dead[1], 2));
    let record: Value = serde_json::from_str(jobs[1].document.as_ref().unwrap().payload.get()).unwrap();
    assert_eq!(record["eventData"]["action"], "dead_letters_redriven");
    // The button of a page that is old: it is no dead letter any more, and is not brought back a second time.
    let again = browser.post("view=dead-letters", &[("action", &format!("redrive {}", dead[1]))]).await;
    assert_eq!(again.status, 409);
}

#[tokio::test]
async fn what_cannot_be_undone_is_asked_for_twice() {
    let t = Bench::new().await;
    let dead = t.bury(3, FailureKind::Rejected).await;
    let browser = Browser::of(&t).await;
    let before = t.state().await;
    let ticked = [("action", "discard"), ("id", dead[0].as_str()), ("id", dead[2].as_str())];

    let asked = browser.post("view=dead-letters", &ticked).await;
    assert!(asked.status == 200 && asked.text.contains("Throw away 2 dead letters? There is no way back."));
    assert_eq!(t.state().await, before);
    let page = browser.act("view=dead-letters", &[&ticked[..], &[("sure", "1")]].concat()).await;
    assert!(page.text.contains("2 dead letters are thrown away.") && page.text.contains(dead[1].as_str()));

    let all = [("action", "redrive"), ("all", "1")];
    let asked = browser.post("view=dead-letters&type=send_refund_email", &all).await;
    assert!(asked.text.contains("Bring back all dead letters of this filter?"), "{}", asked.text);
    let sure = [all[0], all[1], ("sure", "1")];
    let none = browser.act("view=dead-letters&type=send_refund_email", &sure).await;
    assert!(none.text.contains("0 dead letters are back in the queue."), "{}", none.text);
    let page = browser.act("view=dead-letters", &sure).await;
    assert!(
        page.text.contains("1 dead letter is back in the queue.") && page.text.contains("There are no dead letters.")
    );
}

#[tokio::test]
async fn a_type_is_paused_and_resumed_from_its_row() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    let page = browser.act("hours=6", &[("action", "pause"), ("type", "audit_log_created")]).await;
    assert!(page.text.contains("Paused: no such job is claimed until it is resumed."));
    assert_eq!(page.text.matches("<span class=\"pill waiting\">paused</span>").count(), 1);
    assert!(page.text.contains("href=\"?hours=6\" aria-current"), "it is the page the form was on");
    t.enqueue(JobOptions::default()).await;
    assert!(t.claim(10).await.jobs.is_empty());

    browser.act("", &[("action", "pause"), ("type", "*")]).await;
    let page = browser.act("", &[("action", "resume"), ("type", "audit_log_created")]).await;
    assert_eq!(page.text.matches("<span class=\"pill waiting\">paused</span>").count(), 9);
    browser.act("", &[("action", "resume"), ("type", "*")]).await;
    // The job, and the four records of what was done.
    assert_eq!(t.claim(10).await.jobs.len(), 5);
}

#[tokio::test]
async fn a_jobs_page_tells_its_life_in_order() {
    let t = Bench::new().await;
    let id = enqueue(&t, JobType::SendReleaseEmail, MAIL).await;
    let at = START.plus(Duration::from_secs(5));
    let job = t.claim_one().await;
    let refused = Failure::new(FailureKind::Unavailable, "Resend answered status 503 for jane@example.com");
    t.settle(&job, Verdict::Retry { failure: refused, at }).await;
    let browser = Browser::of(&t).await;
    let page = browser.get(&format!("job={id}")).await;
    assert!(page.text.contains("waits for its next attempt") && page.text.contains("in 5 s"), "{}", page.text);
    t.advance(Duration::from_secs(5));
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;
    browser.act(&format!("job={id}"), &[("action", &format!("redrive {id}"))]).await;
    let redriven = t.claim(10).await.jobs.into_iter().find(|job| job.id.as_str() == id).unwrap();
    t.advance(Duration::from_secs(2));
    t.settle(&redriven, Verdict::Complete).await;

    let page = browser.get(&format!("job={id}")).await.text;

    let order = ["Enqueued", "Became a dead letter after 2 attempts", "Done on attempt 1"].map(|what| page.find(what));
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{page}");
    assert!(page.contains("Deliveries") && !page.contains("name=\"action\" value=\"redrive"), "{page}");
    assert!(!page.to_lowercase().contains("jane@") && page.contains("J***@example.com"), "{page}");
}

#[tokio::test]
async fn a_mails_job_tells_what_became_of_the_mail() {
    let t = Bench::new().await;
    let id = enqueue(&t, JobType::SendReleaseEmail, MAIL).await;
    let key = Keys::new(&t.prefix).delivery(&JobId::parse(&*id).unwrap());
    let (sent, bounced) = (START.0.to_string(), (START.0 - 1_000).to_string());
    let why = "mailbox of jane@example.com is full";
    t.redis(&["HSET", &key, "1:sent", &sent, "1:bounced", &bounced, "1:why", why]).await;

    let page = Browser::of(&t).await.get(&format!("job={id}")).await.text;

    assert!(page.contains("<span class=\"pill bad\">bounced</span>") && page.contains("1 s ago"), "{page}");
    assert!(page.contains("mailbox of j***@example.com is full") && !page.contains(">sent<"), "{page}");
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_and_one_that_is_worked_on_is_not() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    let id = t.enqueue(delayed(Duration::from_hours(1))).await.id().to_string();
    let (query, cancel) = (format!("job={id}"), format!("cancel {id}"));
    assert!(browser.get(&query).await.text.contains(&cancel));
    let page = browser.act(&query, &[("action", &cancel)]).await;
    assert!(page.text.contains("Cancelled.") && !page.text.contains(&cancel), "{}", page.text);
    browser.act(&query, &[("action", &cancel)]).await;
    t.enqueue(JobOptions::default()).await;
    let held = t.claim_one().await.id;
    let page = browser.post("", &[("action", &format!("cancel {held}"))]).await;
    assert!(page.status == 409 && page.text.contains("a processor is working on the job"), "{}", page.text);
}

#[tokio::test]
async fn addresses_are_masked_until_they_are_asked_for_which_is_on_record() {
    let t = Bench::new().await;
    let escaped = MAIL.replace('@', "\\u0040");
    for payload in [MAIL, &escaped] {
        let id = enqueue(&t, JobType::SendReleaseEmail, payload).await;
        let browser = Browser::of(&t).await;
        let page = browser.get(&format!("job={id}")).await.text;
        assert!(page.contains("J***@example.com") && !page.contains("Jane"), "{page}");

        let shown = browser.post(&format!("job={id}"), &[("action", "addresses")]).await;

        assert!(shown.status == 200 && shown.text.contains("Jane@example.com"), "{}", shown.text);
        assert!(browser.get(&format!("job={id}")).await.text.contains("J***@"), "it was for once");
        let record = t.claim(10).await.jobs.into_iter().find(|job| job.job_type == JobType::AuditLogCreated).unwrap();
        let record: Value = serde_json::from_str(record.document.unwrap().payload.get()).unwrap();
        assert_eq!(record["eventData"]["action"], "addresses_shown");
        assert_eq!(record["eventData"]["subject"], json!({"kind": "job", "id": id}));
        assert_eq!(record["eventData"]["actor"], json!({"kind": "operator", "id": "dashboard"}));
    }
}

#[tokio::test]
async fn an_escrows_page_shows_its_money_its_moves_and_its_jobs() {
    let t = Shop::new().await;
    let id = t.released().await;
    let browser = Browser::signed_in(t.app.clone(), PROCESSOR).await;

    let page = browser.get(&format!("escrow={id}")).await.text;

    let partner = r#"<dt>Partner</dt><dd class="id"><a href="?partner=shop">shop</a></dd>"#;
    for text in
        ["<dt>Released</dt><dd>100.00 USD</dd>", "b***@example.com", "s***@example.com", "send_release_email", partner]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    let order = ["<b>finish</b>", "<b>release</b>", "<b>create</b>"].map(|what| page.find(what));
    assert!(order[1] < order[2] && order[1].is_some(), "newest first: {page}");
    assert!(!page.contains("buyer@") && !page.contains("seller@"));
    let shown = browser.post(&format!("escrow={id}"), &[("action", "addresses")]).await;
    assert!(shown.text.contains("buyer@example.com"), "{}", shown.text);
}

#[tokio::test]
async fn a_job_that_waits_for_the_end_of_the_hold_is_told_from_a_refund() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let browser = Browser::signed_in(t.app.clone(), PROCESSOR).await;

    let page = browser.get(&format!("escrow={id}")).await.text;

    let line = |job_type: &str| page.lines().find(|line| line.contains(&format!("<code>{job_type}</code>"))).unwrap();
    assert!(line("stripe_refund_payment").contains("looks whether the hold has ended"), "{page}");
    assert!(!line("send_payment_confirmed_email").contains("the hold"), "{page}");
}

#[tokio::test]
async fn a_search_leads_to_what_the_text_names_and_no_address_is_in_its_address() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    let found = async |text: &str| {
        let answer = browser.post("", &[("action", "search"), ("text", text)]).await;
        assert_eq!(answer.status, 303, "{text}: {}", answer.text);
        answer.headers["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(found(" job-1-a ").await, "?job=job-1-a");
    assert_eq!(found("esc_abc").await, "?escrow=esc_abc");
    assert_eq!(found("order:17").await, "?job=order:17");
    for same in ["JANE@example.com", "jane@example.com ", JANE] {
        assert_eq!(found(same).await, format!("?find={JANE}"));
    }
}

#[tokio::test]
async fn an_address_is_found_in_jobs_and_escrows_by_its_hash() {
    let t = Shop::new().await;
    let escrow = t.authorized().await;
    let mine = enqueue(&t.bench, JobType::SendReleaseEmail, MAIL).await;
    let escaped = enqueue(&t.bench, JobType::SendReleaseEmail, &MAIL.replace('@', "\\u0040")).await;
    let both = r#"{"escrowId":"e","resolution":"split","recipients":["a@b.c","jane@example.com"]}"#;
    let resolved = enqueue(&t.bench, JobType::NotifyDisputeResolved, both).await;
    let other = enqueue(&t.bench, JobType::SendReleaseEmail, &MAIL.replace("Jane", "bob")).await;
    t.bench.redis(&["SADD", &format!("{}job:odd", t.bench.prefix), "a set where a document was expected"]).await;
    let browser = Browser::signed_in(t.app.clone(), PROCESSOR).await;

    // The store of the tests is everybody's: the walk may be long.
    let walk = async |hash: &str| {
        let (mut text, mut query) = (String::new(), format!("find={hash}"));
        loop {
            let page = browser.get(&query).await;
            assert_eq!(page.status, 200, "{}", page.text);
            text.push_str(&page.text);
            let Some(next) = page.text.split("&amp;from=").nth(1) else { return text };
            query = format!("find={hash}&from={}", next.split('"').next().unwrap());
        }
    };
    let found = walk(JANE).await;
    for id in [&mine, &escaped, &resolved] {
        assert!(found.contains(&format!("href=\"?job={id}\"")), "{id}");
    }
    assert!(!found.contains(&other) && !found.contains(&escrow));
    let buyer = browser.post("", &[("action", "search"), ("text", "Buyer@Example.com")]).await;
    let hash = buyer.headers["location"].to_str().unwrap().trim_start_matches("?find=").to_owned();
    assert!(walk(&hash).await.contains(&format!("href=\"?escrow={escrow}\"")));
}

#[tokio::test]
async fn a_store_out_of_reach_is_a_page_that_says_so() {
    let t = Bench::new().await;
    let browser = Browser::of(&t).await;
    t.rest.faults().always(Fault::Status(429));
    let page = browser.get("").await;
    assert_eq!(page.status, 503);
    assert!(page.headers.contains_key("retry-after") && page.text.contains("nothing was done"), "{}", page.text);
}

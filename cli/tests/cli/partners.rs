//! Partners' endpoints and suppressed addresses.

use devkit::rest::Fault;
use serde_json::{Value, json};

use crate::bench::Bench;

const URL: &str = "https://partner.example/hook";
const ENQUEUED: &str = "webhook_escrow_status_changed:enqueued";
/// More than a call has.
const TRIES: usize = 8;
const SECRET: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=";

async fn endpoints(t: &Bench) -> Value {
    t.run(&["--json", "partners", "show", "shop"]).await.json()["endpoints"].clone()
}

#[tokio::test]
async fn an_endpoint_is_made_shown_changed_rotated_and_removed_each_on_record() {
    let t = Bench::new().await;
    assert!(t.run(&["partners", "show", "shop"]).await.text().contains("webhooks go to WEBHOOK_URL"));

    let made = t.run(&["partners", "add", "shop", URL, "--event", "escrow.status_changed"]).await;
    assert!(made.text().starts_with("whsec_") && made.text().lines().count() == 1, "{made:?}");
    let id = endpoints(&t).await[0]["id"].as_str().unwrap().to_owned();
    assert!(made.err.contains(&format!("{id} is told at {URL}")), "{made:?}");
    let shown = t.run(&["partners", "show", "shop"]).await;
    assert!(shown.text().contains(&format!("{id}  {URL}  escrow.status_changed  enabled")), "{shown:?}");

    t.run(&["partners", "change", "shop", &id, "--all-events", "--disable"]).await.text();
    let shown = t.run(&["partners", "show", "shop"]).await;
    assert!(shown.text().contains("all     disabled by an operator"), "{shown:?}");
    let given = t.run_with(&["partners", "rotate", "shop", &id, "--secret-stdin"], SECRET).await;
    assert_eq!(given.text(), format!("{SECRET}\n"));
    t.run(&["partners", "email", "shop", "dev@partner.example"]).await.text();
    assert_eq!(t.run(&["--json", "partners", "show", "shop"]).await.json()["email"], "dev@partner.example");

    // Nobody is there to be asked.
    assert_eq!(t.run(&["partners", "remove", "shop", &id]).await.code, 3);
    t.run(&["partners", "remove", "shop", &id, "--yes"]).await.text();
    assert_eq!(endpoints(&t).await, json!([]));

    let state = t.state().await;
    let records: Vec<Value> = state
        .iter()
        .filter(|(key, _)| key.starts_with("job:"))
        .map(|(_, text)| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap()["payload"]["eventData"].clone())
        .collect();
    let of = |action: &str| records.iter().find(|record| record["action"] == action).unwrap();
    assert_eq!(of("endpoint_created")["actor"], json!({"kind": "operator", "id": "cli"}));
    assert_eq!(of("endpoint_changed")["before"]["enabled"], true);
    assert_eq!(of("endpoint_changed")["after"], json!({"url": URL, "events": [], "enabled": false}));
    assert_eq!(of("endpoint_deleted")["after"], Value::Null);
    assert_eq!(of("partner_email_changed")["subject"], json!({"kind": "partner", "id": "shop"}));
    for secret in [SECRET, made.text().trim(), "dev@partner.example"] {
        assert!(!Value::from(records.clone()).to_string().contains(secret));
    }
}

#[tokio::test]
async fn a_test_is_enqueued_for_one_endpoint_and_a_webhook_is_sent_again_under_its_id() {
    let t = Bench::new().await;
    t.run(&["partners", "add", "shop", URL]).await.text();
    let id = endpoints(&t).await[0]["id"].as_str().unwrap().to_owned();

    let sent = t.run(&["--json", "partners", "test", "shop", &id]).await.json();
    assert_eq!(sent["jobId"], sent["webhookId"]);
    let again = t.run(&["--json", "partners", "resend", "shop", &id, sent["jobId"].as_str().unwrap()]).await.json();
    assert_eq!(again["webhookId"], sent["webhookId"]);
    assert_ne!(again["jobId"], sent["jobId"]);
    let job = t.run(&["--json", "job", again["jobId"].as_str().unwrap()]).await.json();
    assert_eq!((&job["payload"]["endpoint"], &job["payload"]["partner"]), (&json!(id), &json!("shop")));
    assert!(t.run(&["partners", "attempts", "shop", &id]).await.text().starts_with("nothing was delivered"));
}

#[tokio::test]
async fn a_test_or_a_webhook_of_which_no_answer_came_is_sent_once_by_the_command_that_the_failure_names() {
    let t = Bench::new().await;
    t.run(&["partners", "add", "shop", URL]).await.text();
    let id = endpoints(&t).await[0]["id"].as_str().unwrap().to_owned();
    let enqueued = async || t.run(&["--json", "stats"]).await.json()["counters"][ENQUEUED].as_u64().unwrap_or(0);
    let test = ["--json", "partners", "test", "shop", &id];
    let job = t.run(&test).await.json()["jobId"].as_str().unwrap().to_owned();
    for words in [&test[1..], &["partners", "resend", "shop", &id, &job]] {
        let before = enqueued().await;
        for _ in 0..TRIES {
            t.rest.faults().next_matching("statusBefore", Fault::ReplyLost);
        }
        let lost = t.run(words).await;
        t.rest.faults().clear();
        t.run(&[words, &["--dedupe-key", lost.key_to_repeat_with()]].concat()).await.text();
        assert_eq!(enqueued().await, before + 1, "{words:?}");
    }
}

#[tokio::test]
async fn what_no_endpoint_can_be_is_refused_and_nothing_is_changed() {
    let t = Bench::new().await;
    t.run(&["partners", "add", "shop", URL]).await.text();
    let id = endpoints(&t).await[0]["id"].as_str().unwrap().to_owned();
    let before = t.state().await;
    for (words, input, code) in [
        (&["partners", "add", "shop", "http://partner.example/"][..], "", 2),
        (&["partners", "add", "shop", "https://2130706433/"], "", 2),
        (&["partners", "add", "shop", "https://a.example/", "--event", "x"], "", 2),
        (&["partners", "add", "shop", "https://a.example/", "--secret-stdin"], "whsec_x", 2),
        (&["partners", "add", "a:b", "https://a.example/"], "", 2),
        (&["partners", "add", "shop", URL], "", 3),
        (&["partners", "change", "shop", &id], "", 2),
        (&["partners", "change", "shop", &id, "--enable", "--disable"], "", 2),
        (&["partners", "change", "shop", "ep_none", "--disable"], "", 3),
        (&["partners", "rotate", "shop", "a b"], "", 2),
        (&["partners", "remove", "other", &id, "--yes"], "", 3),
        (&["partners", "email", "shop", "no"], "", 2),
        (&["partners", "email", "shop"], "", 2),
        (&["partners", "test", "shop", "ep_none"], "", 3),
        (&["partners", "resend", "shop", &id, "job-none"], "", 3),
        (&["partners", "attempts", "shop", "ep_none"], "", 3),
        (&["suppressed", "lift", "no"], "", 2),
        (&["suppressed", "lift", "jane@example.com"], "", 3),
    ] {
        let ran = t.run_with(words, input).await;
        assert_eq!(ran.code, code, "{words:?}: {ran:?}");
    }
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn a_suppressed_address_is_listed_by_its_hash_and_lifted_by_itself() {
    let t = Bench::new().await;
    assert_eq!(t.run(&["suppressed", "list"]).await.text(), "mails are sent to every address\n");
    // printf jane@example.com | sha256sum
    let hash = "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d";
    let key = format!("{}mail:suppressed", t.prefix);
    t.redis(&["ZADD", &key, "9007199254740991", hash]).await;

    let listed = t.run(&["--json", "suppressed", "list"]).await.json();
    assert_eq!(listed["suppressed"][0], json!({"address": hash, "reason": "complained", "until": null}));
    assert!(t.run(&["suppressed", "list"]).await.text().contains("complained  for good"));

    t.run(&["suppressed", "lift", "Jane@Example.com"]).await.text();
    assert_eq!(t.run(&["--json", "suppressed", "list"]).await.json(), json!({"suppressed": []}));
}

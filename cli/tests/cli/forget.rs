//! An address that is to be forgotten.

use holdfast::domain::job::JobType;
use serde_json::{Value, json};

use crate::bench::{Bench, rejected};

const MAIL: &str =
    r#"{"transactionId":"esc-1","recipientEmail":"Jane@Shop.test","amount":10000,"currency":"usd","note":1.50}"#;

async fn put_escrow(t: &Bench, id: &str, state: &str) {
    let document = json!({
        "id": id, "version": 1, "state": state, "partner": "shop", "amount": 5, "currency": "usd",
        "buyerEmail": "jane@shop.test", "sellerEmail": "seller@shop.test", "description": "for jane@shop.test", "metadata": {},
        "payment": {"intentId": "pi_1", "authorized": true, "cancelled": false},
        "refunds": [], "chargebacks": [], "pending": null, "lastFailure": null, "history": [],
        "jobs": [], "timers": [], "createdAt": 1, "updatedAt": 1,
    });
    let key = format!("{}escrow:{id}", t.prefix);
    t.redis(&["HSET", &key, "version", "1", "state", state, "document", &document.to_string()]).await;
}

async fn with_traces_of_jane() -> Bench {
    let t = Bench::new().await;
    t.plant("job-dead", JobType::SendReleaseEmail, MAIL).await;
    t.bury_all(&rejected()).await;
    t.plant("job-live", JobType::SendReleaseEmail, MAIL).await;
    t.plant("job-other", JobType::SendReleaseEmail, &MAIL.replace("Jane@", "mary-jane@")).await;
    put_escrow(&t, "esc_done", "released").await;
    put_escrow(&t, "esc_open", "authorized").await;
    let answer = format!("{}idempotency:partner-shop:order-17", t.prefix);
    t.redis(&["HSET", &answer, "status", "201", "body", r#"{"buyerEmail":"jane@shop.test"}"#]).await;
    t.redis(&["PEXPIRE", &answer, "100000"]).await;
    // What is known of a job's mails has a hash of the address: that of the address in lower case.
    let hash = "9a66c3da7c7391f7ae54216dccbf397dbaaee98343218b9375021c7b4110f14f";
    t.redis(&["HSET", &format!("{}delivery:job-dead", t.prefix), "1:to", hash, "1:sent", "1"]).await;
    t
}

#[tokio::test]
async fn an_address_is_blanked_where_it_is_no_longer_needed_and_counted_elsewhere() {
    let t = with_traces_of_jane().await;
    let before = t.state().await;
    let dry = t.run(&["--json", "forget", "--email", "jane@shop.test", "--dry-run"]).await.json();
    assert_eq!(t.state().await, before);

    let ran = t.run(&["--json", "forget", "--email", "jane@shop.test", "--yes"]).await.json();

    let expected = json!({"job": 1, "escrow": 1, "answer": 1, "delivery": 1});
    assert_eq!((&ran["blanked"], &dry["blanked"]), (&expected, &expected));
    assert_eq!(ran["left"], json!({"job": 1, "escrow": 1, "answer": 0, "delivery": 0}));
    let state = t.state().await;
    let text = |key: &str| state[key].to_string();
    for key in ["job:job-dead", "escrow:esc_done", "idempotency:partner-shop:order-17"] {
        assert!(
            !text(key).to_lowercase().contains("jane@") && text(key).contains("forgotten@"),
            "{key}: {}",
            text(key)
        );
    }
    // All else is as it was written, and lives as long.
    assert!(text("job:job-dead").contains(r#"\"note\":1.50"#) && text("job:job-other").contains("mary-jane@Shop.test"));
    let left_ms = t.redis(&["PTTL", &format!("{}idempotency:partner-shop:order-17", t.prefix)]).await;
    assert!((1..=100_000).contains(&left_ms.as_i64().unwrap()), "{left_ms}");
    // What is under way is not touched.
    assert_eq!(
        (&state["job:job-live"], &state["escrow:esc_open"]),
        (&before["job:job-live"], &before["escrow:esc_open"])
    );
    // It is on record, without the address.
    let record: Vec<&String> =
        state.keys().filter(|key| !before.contains_key(*key) && key.starts_with("job:")).collect();
    assert!(text(record[0]).contains("address_forgotten") && !text(record[0]).contains("jane"), "{record:?}");
}

#[tokio::test]
async fn what_was_under_way_is_found_by_a_later_run_and_a_blanked_job_is_no_mail() {
    let t = with_traces_of_jane().await;
    t.run(&["forget", "--email", "jane@shop.test", "--yes"]).await.text();
    assert_eq!(t.run(&["cancel", "job-live"]).await.code, 0);
    put_escrow(&t, "esc_open", "refunded").await;

    let again = t.run(&["forget", "--email", "JANE@shop.test", "--yes"]).await;

    assert!(again.text().contains("jobs                          1                0\n"), "{again:?}");
    assert!(!again.out.contains("still under way keeps"), "{again:?}");
    let rest: Value = t.run(&["--json", "forget", "--email", "jane@shop.test", "--dry-run"]).await.json();
    assert_eq!(
        (&rest["blanked"], &rest["left"]),
        (&json!({"job": 0, "escrow": 0, "answer": 0, "delivery": 0}), &rest["blanked"])
    );
    assert_eq!(
        t.run(&["--json", "escrow", "show", "esc_open"]).await.json()["buyerEmail"],
        "forgotten@forgotten.invalid"
    );
}

#[tokio::test]
async fn many_keys_are_walked_in_stretches() {
    let t = Bench::new().await;
    for batch in 0..3 {
        let ids = (0..500).map(|n| holdfast::domain::id::JobId::parse(format!("job-{batch}-{n}")).unwrap());
        t.plant_all(&ids.collect::<Vec<_>>(), JobType::SendReleaseEmail, MAIL).await;
    }
    t.bury_all(&rejected()).await;
    let ran = t.run(&["--json", "forget", "--email", "jane@shop.test", "--yes"]).await.json();
    assert_eq!((&ran["blanked"]["job"], &ran["left"]["job"]), (&json!(1_500), &json!(0)));
}

#[tokio::test]
async fn nothing_is_blanked_without_a_yes_or_without_an_address() {
    let t = with_traces_of_jane().await;
    let before = t.state().await;
    for (words, code) in [
        (&["forget", "--email", "jane@shop.test"][..], 3),
        (&["forget", "--email", "jane", "--yes"], 2),
        (&["forget", "--email", "", "--yes"], 2),
        (&["forget", "--email", "@", "--yes"], 2),
        (&["forget", "--yes"], 2),
        (&["forget", "--email", "jane@shop.test", "--yes", "--dry-run"], 2),
    ] {
        assert_eq!(t.run(words).await.code, code, "{words:?}");
    }
    assert_eq!(t.state().await, before);
}

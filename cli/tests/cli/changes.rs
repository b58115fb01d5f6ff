//! What operators change: jobs, pauses, limits, recovery.

use devkit::rest::Fault;
use holdfast::domain::job::JobType;
use serde_json::json;

use crate::bench::{AUDIT, Bench};

#[tokio::test]
async fn a_job_is_enqueued_once_a_dedupe_key_and_can_be_taken_back() {
    let t = Bench::new().await;
    let words = ["--json", "enqueue", "audit_log_created", AUDIT, "--dedupe-key", "k", "--delay", "90s"];
    let first = t.run(&words).await.json();
    let second = t.run(&words).await.json();
    assert_eq!((&first["duplicate"], &second["duplicate"]), (&json!(false), &json!(true)));
    assert_eq!(first["jobId"], second["jobId"]);

    let id = first["jobId"].as_str().unwrap();
    assert_eq!(t.run(&["job", id]).await.json_field("status"), "scheduled");
    assert_eq!(t.run(&["max-attempts", id, "7"]).await.text(), format!("{id} has 7 attempts in all\n"));
    assert_eq!(t.run(&["cancel", id]).await.text(), format!("cancelled {id}\n"));
    // Asked for again, as after an answer that was lost, it is as done as before.
    assert_eq!(t.run(&["cancel", id]).await.text(), format!("cancelled {id}\n"));
    let over = t.run(&["max-attempts", id, "8"]).await;
    assert_eq!((over.code, over.err), (3, format!("holdfast: the life of {id} is over: its status is cancelled\n")));
}

#[tokio::test]
async fn a_job_of_which_no_answer_came_is_enqueued_once_by_the_command_that_the_failure_names() {
    let t = Bench::new().await;
    let words = ["--json", "enqueue", "audit_log_created", AUDIT];
    t.rest.faults().always(Fault::ReplyLost);
    let lost = t.run(&words[1..]).await;
    t.rest.faults().clear();
    let again = t.run(&[&words[..], &["--dedupe-key", lost.key_to_repeat_with()]].concat()).await.json();
    assert_eq!(again["duplicate"], true);
    // Another run without a key is about another job.
    assert_eq!(t.run(&words).await.json()["duplicate"], false);

    // Nothing is said where nothing can have been done.
    t.rest.faults().always(Fault::Status(429));
    let refused = t.run(&words[1..]).await;
    assert!(refused.code == 5 && !refused.err.contains("--dedupe-key"), "{refused:?}");
}

impl crate::bench::Ran {
    /// The value of a fact in a job's text.
    fn json_field(&self, name: &str) -> &str {
        let line = self.text().lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].trim()
    }
}

#[tokio::test]
async fn a_payload_comes_from_a_file_or_from_standard_input() {
    let t = Bench::new().await;
    t.write("payload.json", AUDIT);
    for (payload, input) in [("@payload.json", ""), ("-", AUDIT)] {
        let ran = t.run_with(&["enqueue", "audit_log_created", payload], input).await;
        assert!(ran.text().starts_with("enqueued job-"), "{ran:?}");
    }
}

#[tokio::test]
async fn what_is_set_is_shown_and_taken_back() {
    let t = Bench::new().await;
    assert_eq!(
        t.run(&["limit", "audit_log_created", "--rate", "100/1m", "--concurrency", "5"]).await.text(),
        "audit_log_created: 100 in 1 min, 5 at once; it holds from the next claim on\n"
    );
    t.run(&["pause", "--all"]).await.text();
    t.run(&["recovery", "off", "audit_log_created"]).await.text();
    let set = t.run(&["--json", "control"]).await.json();
    let audit = &set["types"]["audit_log_created"];
    assert_eq!(
        (&set["paused"], audit),
        (
            &json!(true),
            &json!({"paused": true, "rate": {"jobs": 100, "periodMs": 60_000}, "concurrency": 5, "recovery": false,
                "diedAgain": 0, "recoveryStopped": false})
        )
    );
    let table = t.run(&["control"]).await;
    assert!(table.text().ends_with("audit_log_created              paused  100 in 1 min  5        off\n"), "{table:?}");
    let stats = t.run(&["stats"]).await;
    assert!(stats.text().ends_with("Every type is paused: no job is claimed. `holdfast resume --all` ends it.\n"));

    t.run(&["limit", "audit_log_created", "--none"]).await.text();
    t.run(&["resume", "--all"]).await.text();
    t.run(&["recovery", "on", "audit_log_created"]).await.text();
    t.run(&["recovery", "reset", "audit_log_created"]).await.text();
    let set = t.run(&["--json", "control"]).await.json();
    assert_eq!((&set["paused"], &set["types"]["audit_log_created"]["rate"]), (&json!(false), &json!(null)));
}

#[tokio::test]
async fn every_change_is_on_record() {
    let t = Bench::new().await;
    t.run(&["pause", "send_refund_email"]).await.text();
    let id = t.redis(&["LINDEX", &format!("{}queue:audit_log_created", t.prefix), "0"]).await;
    let job = t.run(&["--json", "job", id.as_str().unwrap()]).await.json();
    let event = &job["payload"]["eventData"];
    assert_eq!(
        (&event["action"], &event["actor"]),
        (&json!("control_changed"), &json!({"kind": "operator", "id": "cli"}))
    );
    assert_eq!(
        (&event["before"], &event["after"]),
        (&json!({"pause:send_refund_email": null}), &json!({"pause:send_refund_email": "1"}))
    );
    assert!(event["requestId"].as_str().unwrap().starts_with("cli-"));
}

#[tokio::test]
async fn an_escrow_is_shown_without_what_lets_a_buyer_pay() {
    let t = Bench::new().await;
    t.plant("job-1", JobType::AuditLogCreated, AUDIT).await;
    let document = json!({
        "id": "esc_1", "version": 1, "state": "created", "partner": "shop", "amount": 123_456, "currency": "usd",
        "buyerEmail": "buyer@example.com", "sellerEmail": "seller@example.com", "description": "a lamp", "metadata": {},
        "payment": {"intentId": "pi_1", "clientSecret": "pi_1_secret_x", "authorized": false, "cancelled": false},
        "refunds": [], "chargebacks": [], "pending": null, "lastFailure": null,
        "history": [{"version": 1, "at": 1, "operation": "create", "from": null, "to": "created", "by": "partner", "amount": 123_456}],
        "jobs": [{"id": "job-1", "type": "audit_log_created"}, {"id": "job-gone", "type": "audit_log_created"}],
        "timers": [], "createdAt": 1, "updatedAt": 1,
    });
    let key = format!("{}escrow:esc_1", t.prefix);
    t.redis(&["HSET", &key, "version", "1", "state", "created", "document", &document.to_string()]).await;

    let text = t.run(&["escrow", "show", "esc_1"]).await;
    assert!(text.text().contains("\namount          1,234.56 USD\nheld            0.00 USD\n"), "{text:?}");
    assert!(
        text.text().ends_with("job-1     audit_log_created  pending\njob-gone  audit_log_created  no longer kept\n"),
        "{text:?}"
    );
    let json = t.run(&["--json", "escrow", "show", "esc_1"]).await;
    assert_eq!(json.json()["jobStatuses"][0]["status"], "pending");
    assert!(!json.out.contains("secret") && !text.out.contains("secret"));
    assert_eq!(t.run(&["escrow", "show", "esc_2"]).await.code, 3);
}

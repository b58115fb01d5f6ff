//! API keys as operators keep them.

use devkit::rest::Fault;
use holdfast::admission::{ApiKey, ApiKeyError, ApiKeys, Grant, KeyKind, MAX_CALLS_PER_WINDOW};
use holdfast::domain::escrow::Role;
use holdfast::domain::id::PartnerId;
use serde_json::{Value, json};

use crate::bench::{Bench, START};
use crate::escrow_bench::Shop;

fn api_keys(t: &Bench) -> ApiKeys {
    t.app_with(&[]).api_keys().unwrap()
}

fn grant(partner: &str) -> Grant {
    Grant { role: Role::Partner, partner: PartnerId::parse(partner).unwrap(), limit: None }
}

fn key(number: u8) -> ApiKey {
    ApiKey::new(KeyKind::Test, [number; 32])
}

#[tokio::test]
async fn a_key_is_let_in_until_it_is_revoked_and_refused_from_the_next_call_on() {
    let t = Shop::new().await;
    let (keys, key) = (t.app.api_keys().unwrap(), key(7));
    let id = t.authorized().await;
    assert_eq!(t.get(key.expose(), &id).await.body["code"], "wrong_token");

    let made = keys.create(&key, &grant("shop"), &t.bench.recorder()).await.unwrap();
    assert_eq!(t.get(key.expose(), &id).await.status, 200);

    keys.revoke(&made.id, &t.bench.recorder()).await.unwrap();
    assert_eq!(t.get(key.expose(), &id).await.body["code"], "wrong_token");
}

#[tokio::test]
async fn the_list_has_the_oldest_first_and_no_key_and_goes_over_its_pages() {
    let t = Bench::new().await;
    let keys = api_keys(&t);
    let limited = Grant { role: Role::Admin, limit: Some(50), ..grant("ops") };
    keys.create(&key(1), &grant("shop"), &t.recorder()).await.unwrap();
    t.advance(std::time::Duration::from_secs(1));
    keys.create(&key(2), &limited, &t.recorder()).await.unwrap();

    let list = keys.list().await.unwrap();

    assert_eq!(list.len(), 2);
    assert_eq!((list[0].role, list[0].partner.as_deref()), (Some(Role::Partner), Some("shop")));
    assert_eq!((list[0].created_at, list[1].limit), (START, Some(50)));
    assert_eq!(list[0].start.as_deref(), Some("hf_test_1111"));
    assert_eq!(list[0].id, key(1).sha256()[..12]);
    assert!(!format!("{list:?}").contains(key(1).expose()));

    // Two pages and a bit, written as another program would.
    for n in 0..1_001 {
        t.redis(&["ZADD", &format!("{}apikeys", t.prefix), "1", &format!("{n:064x}")]).await;
    }
    assert_eq!(keys.list().await.unwrap().len(), 1_003);
}

#[tokio::test]
async fn a_key_is_named_by_the_beginning_of_its_id_and_only_where_that_is_one() {
    let t = Bench::new().await;
    let keys = api_keys(&t);
    let known = format!("{}apikeys", t.prefix);
    t.redis(&["ZADD", &known, "1", &format!("abcdef12{}", "0".repeat(56))]).await;
    t.redis(&["ZADD", &known, "1", &format!("abcdef13{}", "0".repeat(56))]).await;
    let before = t.state().await;

    for (name, expected) in [
        ("abcdef1", ApiKeyError::Ambiguous("abcdef1".into())),
        ("abcdef14", ApiKeyError::Unknown("abcdef14".into())),
        ("abc", ApiKeyError::Name("abc".into())),
        ("../../x", ApiKeyError::Name("../../x".into())),
    ] {
        assert_eq!(keys.revoke(name, &t.recorder()).await.unwrap_err(), expected);
    }
    assert_eq!(t.state().await, before);
    assert_eq!(keys.revoke("abcdef13", &t.recorder()).await.unwrap().id, "abcdef130000");
}

#[tokio::test]
async fn a_key_that_was_found_somewhere_is_revoked_by_itself_though_it_is_not_listed() {
    let t = Bench::new().await;
    let (keys, key) = (api_keys(&t), key(3));
    t.redis(&["HSET", &format!("{}apikey:{}", t.prefix, key.sha256()), "role", "admin", "partner", "ops"]).await;

    keys.revoke_key(&key, &t.recorder()).await.unwrap();

    assert_eq!(t.at(&format!("apikey:{}", key.sha256())).await, Value::Null);
    let again = keys.revoke_key(&key, &t.recorder()).await.unwrap_err();
    assert_eq!(again, ApiKeyError::Unknown(key.sha256()[..12].to_owned()));
}

#[tokio::test]
async fn what_no_key_can_be_is_refused_and_nothing_is_changed() {
    let t = Bench::new().await;
    let keys = api_keys(&t);
    let before = t.state().await;
    let limit = |limit| Grant { limit: Some(limit), ..grant("shop") };
    for (grant, expected) in [
        (limit(0), ApiKeyError::Limit(0)),
        (limit(MAX_CALLS_PER_WINDOW + 1), ApiKeyError::Limit(MAX_CALLS_PER_WINDOW + 1)),
    ] {
        assert_eq!(keys.create(&key(1), &grant, &t.recorder()).await.unwrap_err(), expected);
    }
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn each_change_is_done_once_and_on_record_though_its_answer_is_lost() {
    let run = async |fault: Option<Fault>| {
        let t = Bench::new().await;
        let keys = api_keys(&t);
        // Redis knows the scripts before the fault.
        let warm = keys.create(&key(1), &grant("shop"), &t.recorder()).await.unwrap();
        keys.revoke(&warm.id, &t.recorder()).await.unwrap();

        if let Some(fault) = fault {
            t.fault(fault);
        }
        let kept = keys.create(&key(2), &grant("shop"), &t.recorder()).await.unwrap();
        keys.create(&key(3), &grant("shop"), &t.recorder()).await.unwrap();
        keys.find(&kept.id).await.unwrap();
        if let Some(fault) = fault {
            t.fault(fault);
        }
        keys.revoke_key(&key(3), &t.recorder()).await.unwrap();
        t.state().await
    };
    let expected = run(None).await;
    for fault in [Fault::ReplyLost, Fault::ReplyCut, Fault::StatusAfter(502)] {
        assert_eq!(run(Some(fault)).await, expected, "{fault:?}");
    }
    let records = expected["queue:audit_log_created"].as_array().unwrap();
    let record = |n: usize| -> Value {
        let job = expected[&format!("job:{}", records[n].as_str().unwrap())].as_str().unwrap();
        serde_json::from_str::<Value>(job).unwrap()["payload"]["eventData"].clone()
    };
    let (created, revoked) = (record(2), record(4));
    assert_eq!(
        (records.len(), &created["action"], &revoked["action"]),
        (5, &json!("api_key_created"), &json!("api_key_revoked"))
    );
    assert_eq!(created["after"]["partner"], "shop");
}

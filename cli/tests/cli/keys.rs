//! API keys.

use holdfast::admission::ApiKey;
use serde_json::json;

use crate::bench::Bench;

#[tokio::test]
async fn a_key_is_shown_once_stored_as_its_digest_and_gone_when_revoked() {
    let t = Bench::new().await;
    assert_eq!(t.run(&["keys", "list"]).await.text(), "no API keys\n");

    let made = t.run(&["keys", "create", "--partner", "shop", "--role", "admin", "--limit", "2500"]).await;

    // The key alone is on standard output, so that it can be piped on.
    let key = made.text().trim_end();
    assert!(key.starts_with("hf_live_") && key.len() == 40, "{made:?}");
    let digest = ApiKey::presented(key).sha256();
    let stored = t.state().await;
    assert!(stored.contains_key(&format!("apikey:{digest}")), "{stored:?}");
    assert!(!format!("{stored:?}").contains(key));
    let id = &digest[..12];
    assert!(made.err.contains(&format!("`holdfast keys revoke {id}`")), "{made:?}");

    let list = t.run(&["keys", "list"]).await;
    assert!(
        list.text().starts_with("ID            BEGINS        ROLE   PARTNER  CALLS A MINUTE  CREATED\n"),
        "{list:?}"
    );
    let start = &key[..12];
    assert!(list.out.contains(&format!("\n{id}  {start}  admin  shop              2,500  ")), "{list:?}");
    assert!(!list.out.contains(key));

    assert_eq!(
        t.run(&["keys", "revoke", &id[..7]]).await.text(),
        format!("revoked {id}; it is refused from the next call on\n")
    );
    assert!(!t.state().await.contains_key(&format!("apikey:{digest}")));
    assert_eq!(t.run(&["keys", "revoke", id]).await.code, 3);
}

#[tokio::test]
async fn a_key_that_leaked_is_revoked_by_itself() {
    let t = Bench::new().await;
    let made = t.run(&["--json", "keys", "create", "--partner", "shop", "--test"]).await;
    let key = made.json()["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("hf_test_") && made.err.is_empty(), "{made:?}");
    let revoked = t.run_with(&["--json", "keys", "revoke", "-"], &format!("{key}\n")).await;
    assert_eq!(revoked.json(), json!({"id": made.json()["id"], "revoked": true}));
    assert_eq!(t.run(&["--json", "keys", "list"]).await.json(), json!([]));
}

#[tokio::test]
async fn what_no_key_can_be_is_refused_and_nothing_is_changed() {
    let t = Bench::new().await;
    let before = t.state().await;
    for (words, input, code) in [
        (&["keys", "create"][..], "", 2),
        (&["keys", "create", "--partner", "a b"], "", 2),
        (&["keys", "create", "--partner", "a:b"], "", 2),
        (&["keys", "create", "--partner", "a", "--role", "root"], "", 2),
        (&["keys", "create", "--partner", "a", "--limit", "0"], "", 2),
        (&["keys", "create", "--partner", "a", "--limit", "-1"], "", 2),
        (&["keys", "revoke", "*"], "", 2),
        (&["keys", "revoke", "abcdef123456"], "", 3),
        (&["keys", "revoke", "-"], "hf_live_nobodys", 3),
        (&["keys", "revoke", "-"], " \n", 2),
    ] {
        assert_eq!(t.run_with(words, input).await.code, code, "{words:?}");
    }
    assert_eq!(t.state().await, before);
}

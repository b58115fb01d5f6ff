//! A cursor of the dead letters: as it came, and with the digest of the list before it, which anyone can make.
#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::choice;
use fuzz::deployment::{Call, Deployment, PREFIX, TOKEN};
use fuzz::redis;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (form, place) = choice(input);
    let cursor = if form % 2 == 0 {
        place.to_owned()
    } else {
        let scope = format!("{PREFIX} list None None None None");
        let digest = Sha256::digest([scope.as_bytes(), &[0], place.as_bytes()].concat());
        URL_SAFE_NO_PAD.encode([&digest[..8], place.as_bytes()].concat())
    };
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("cursor", &cursor).finish();
    let answer = DEPLOYMENT.usual(&Call::get("/api/jobs/dead-letter", &query).by(TOKEN)).unwrap();
    answer.is_one_of(&[(200, ""), (422, "invalid_cursor")]);
    let Some(asked) = answer.asked.first() else {
        assert_eq!(answer.status, 422);
        return;
    };
    let args = &redis::commands(asked)[0].args;
    let (died_at, id) = (&args[3], &args[4]);
    if cursor.is_empty() {
        assert_eq!((died_at.as_str(), id.as_str()), ("", ""));
        return;
    }
    assert_eq!(form % 2, 1, "a cursor that nobody made is read: {cursor}");
    let mut parts = place.splitn(3, '/');
    let mut number = || parts.next().unwrap().parse::<i64>().unwrap();
    assert_eq!(died_at.parse(), Ok(number()));
    number();
    assert_eq!(Some(id.as_str()), parts.next());
});

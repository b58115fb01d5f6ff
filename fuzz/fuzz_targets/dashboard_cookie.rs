//! The header `Cookie` of the dashboard. `MAC` stands for the right base64 over a session that lasts.
#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::deployment::{Call, Deployment, PREFIX, SECONDS, TOKEN};
use fuzz::signed;
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

fuzz_target!(|input: &[u8]| {
    let Ok(header) = std::str::from_utf8(input) else { return };
    let session = format!("{}000.abc", SECONDS + 60);
    let text = format!("holdfast dashboard session {session} {PREFIX}");
    let mac = URL_SAFE_NO_PAD.encode(signed::hmac(TOKEN.as_bytes(), &[text.as_bytes()]));
    let filled = header.replace("MAC", &mac);
    // A page that is none: who is not signed in is told that first.
    let answer = DEPLOYMENT.usual(&Call::get("/api/dashboard", "view=none").with("cookie", &filled)).unwrap();
    assert!(answer.asked.is_empty(), "{answer:?}");
    let genuine = format!("__Host-holdfast={session}.MAC");
    if answer.status == 401 {
        answer.is_one_of(&[(401, "no_session"), (401, "session_invalid"), (401, "session_ended")]);
        assert_ne!(header, genuine);
    } else {
        answer.is_one_of(&[(422, "invalid_field")]);
        assert!(header.contains(&genuine), "let in by {filled:?}");
    }
});

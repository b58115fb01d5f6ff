//! What Resend and Mailgun tell of mails, rightly signed: the first character says whose it is.
#![no_main]

use std::sync::LazyLock;

use fuzz::deployment::{Call, Deployment, MAILGUN_KEY, RESEND_SECRET, SECONDS};
use fuzz::{choice, redis, signed};
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (whose, event) = choice(input);
    let seconds = SECONDS.to_string();
    let path = "/api/webhooks/email";
    let answer = if whose % 2 == 0 {
        let mac = format!("v1,{}", signed::standard(RESEND_SECRET, "msg_1", &seconds, event.as_bytes()));
        let call = Call::post(path, event.as_bytes()).with("svix-id", "msg_1");
        DEPLOYMENT.usual(&call.with("svix-timestamp", &seconds).with("svix-signature", &mac))
    } else {
        let mac = signed::hex(&signed::hmac(MAILGUN_KEY.as_bytes(), &[seconds.as_bytes(), b"abc"]));
        let signature = format!(r#"{{"timestamp":"{seconds}","token":"abc","signature":"{mac}"}}"#);
        let body = format!(r#"{{"signature":{signature},"event-data":{event}}}"#);
        DEPLOYMENT.usual(&Call::post(path, body.as_bytes()))
    };
    let answer = answer.unwrap();
    answer.is_one_of(&[(200, ""), (406, "invalid_event")]);
    let commands: Vec<_> = answer.asked.iter().flat_map(redis::commands).collect();
    let noted = answer.body["outcome"] == "noted";
    assert_eq!(commands.len(), usize::from(noted), "{answer:?}");
    for command in commands {
        // Whom it was to is kept as a digest; what is kept as a text is short.
        assert!(command.args.iter().all(|arg| arg.len() <= 200), "{command:?}");
        assert!((1..=10).contains(&command.args[2].parse::<u32>().unwrap()), "{command:?}");
        command.args[4].parse::<i64>().unwrap();
    }
});

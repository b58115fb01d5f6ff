//! An event of Stripe's, rightly signed, and behind a line what Stripe answers when it is asked about it.
#![no_main]

use std::sync::LazyLock;

use fuzz::deployment::{Call, Deployment, NOW, SECONDS, STRIPE_SECRET};
use fuzz::stand_in::Said;
use fuzz::{escrow, parts, redis, signed};
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let [event, intent, refunds] = parts(input);
    let header = signed::stripe(STRIPE_SECRET, SECONDS, event.as_bytes());
    let (intent, refunds) = (Said::new(200, intent), Said::new(200, refunds));
    let call = Call::post("/api/webhooks/stripe", event.as_bytes()).with("stripe-signature", &header);
    let answer = DEPLOYMENT.send(&call, move |asked| match redis::is_asked(asked) {
        true => redis::says(asked, |command| redis::usual(command, NOW.0)),
        false if asked.path.contains("/refunds") => refunds.clone(),
        false => intent.clone(),
    });
    let answer = answer.unwrap();
    answer.is_one_of(&[(200, ""), (400, "invalid_json"), (503, "stripe_unavailable")]);
    escrow::written_are_sound(&answer);
});

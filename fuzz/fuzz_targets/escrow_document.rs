//! An escrow's document as anyone with the store's token may have written it, and behind a line what is seen of it at Stripe.
#![no_main]

use fuzz::{escrow, parts};
use holdfast::domain::escrow::{
    Asked, Chargeback, ChargebackStatus, Command, DisputeSeen, Escrow, PaymentSeen, PaymentStatus, Refund, RefundSeen,
    RefundStatus, Role, Seen,
};
use holdfast::domain::id::JobId;
use holdfast::domain::millis::Millis;
use libfuzzer_sys::fuzz_target;

/// Reads a number for each word: how much was seen, by its first letter of what.
fn seen(word: &str) -> Option<Seen> {
    let (kind, number) = word.split_at_checked(1)?;
    let amount: i64 = number.parse().ok()?;
    let payment = |status| {
        Seen::Payment(PaymentSeen { intent_id: "pi_1".into(), status, received: amount, ..PaymentSeen::default() })
    };
    let refund = |status| Seen::Refund(RefundSeen { refund: Refund { id: "re_1".into(), amount, status, key: None } });
    Some(match kind {
        "h" => payment(PaymentStatus::Held),
        "c" => payment(PaymentStatus::Captured),
        "x" => payment(PaymentStatus::Cancelled),
        "r" => refund(RefundStatus::Succeeded),
        "f" => refund(RefundStatus::Failed),
        "d" => Seen::Dispute(DisputeSeen {
            chargeback: Chargeback { id: "dp_1".into(), amount, status: ChargebackStatus::Lost },
        }),
        _ => return None,
    })
}

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let [document, words] = parts(input);
    let Ok(stored) = Escrow::parse(document) else { return };
    escrow::is_sound(&stored);
    let seen: Vec<Seen> = words.split_ascii_whitespace().filter_map(seen).collect();
    if let Some(next) = stored.observe(&seen, "stripe", Millis(1)) {
        escrow::is_sound(&next);
        assert_eq!(next.version, stored.version + 1);
        // Whoever sees the same again learns nothing, and the escrow stands still.
        if let Some(again) = next.observe(&seen, "stripe", Millis(1)) {
            assert!(again.observe(&seen, "stripe", Millis(1)).is_none(), "{stored:?} and {seen:?} come to no rest");
        }
    }
    let job = JobId::parse("job-1").unwrap();
    let asked = Asked { role: Role::Admin, request: None, fingerprint: None, now: Millis(1), job };
    for command in [
        Command::Release { amount: None },
        Command::Refund { amount: None, reason: None },
        Command::Dispute { reason: None },
    ] {
        if let Ok(begun) = stored.start(&command, &asked) {
            escrow::is_sound(&begun);
            assert!(begun.pending.is_none_or(|pending| pending.amount <= stored.amount.max(0)));
        }
    }
});

//! An escrow as it is stored, and what holds for each that is written.

use holdfast::domain::escrow::Escrow;

use crate::answer::Answer;
use crate::redis;

/// An escrow of 100.00 USD whose money is held.
pub const STORED: &str = r#"{"id":"esc_1","version":2,"state":"authorized","partner":"shop","amount":10000,"currency":"usd","buyerEmail":"b@example.com","sellerEmail":"s@example.com","description":null,"metadata":{},"payment":{"intentId":"pi_1","clientSecret":null,"method":"pm_card_visa","chargeId":"ch_1","captureBefore":1800500000000,"authorized":true,"captured":null,"cancelled":false,"ranOut":false},"refunds":[],"chargebacks":[],"pending":null,"lastFailure":null,"history":[],"jobs":[],"timers":[],"createdAt":1799990000000,"updatedAt":1799990000000}"#;

/// Holds that the money of an escrow adds up, and that it is read back as it is written.
///
/// # Panics
/// Where it does not.
pub fn is_sound(escrow: &Escrow) {
    let amounts = escrow.amounts();
    let parts = [amounts.released(), amounts.refunded(), amounts.remaining()];
    assert_eq!(parts.iter().sum::<i64>(), amounts.held(), "{escrow:?}: {amounts:?}");
    assert!(parts.iter().all(|part| *part >= 0), "{escrow:?}: {amounts:?}");
    let again = Escrow::parse(&escrow.to_json()).unwrap_or_else(|error| panic!("{escrow:?} is not read back: {error}"));
    assert!(again == *escrow, "{escrow:?} is read back as another");
}

/// Looks at each escrow that was written for an answer: each is sound, and the one after another is its next version.
///
/// # Panics
/// Where one is not.
pub fn written_are_sound(answer: &Answer) {
    let commands = answer.asked.iter().filter(|asked| redis::is_asked(asked)).flat_map(redis::commands);
    for command in commands.filter(|command| command.script == "transition") {
        let document =
            command.args.iter().find(|arg| arg.starts_with("{\"id\":\"esc_")).expect("a document is written");
        let escrow = Escrow::parse(document).unwrap_or_else(|error| panic!("what is written cannot be read: {error}"));
        is_sound(&escrow);
        assert_eq!(escrow.id.as_str() == "esc_1", escrow.version > 2, "{escrow:?}");
        assert!(escrow.amount == 10_000 || escrow.id.as_str() != "esc_1", "{escrow:?}");
    }
}

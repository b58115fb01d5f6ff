//! What each mail says: the same words for its HTML and its text.
//!
//! A letter says what happened, to how much, in which transaction, and what happens next. Values stand in it as they came; the
//! templates escape them.

use crate::domain::job::{JobType, Resolution};
use crate::domain::money::Money;

/// Longest text of a payload in a subject, in characters. Chosen: what a phone shows of a subject beside our own words.
const MAX_SUBJECT_VALUE_CHARS: usize = 48;

/// Longest text of a payload in a mail, in characters. Chosen: a paragraph; a longer one is no reason but a document.
const MAX_VALUE_CHARS: usize = 600;

/// One mail, before it is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// The type of job it is for.
    pub(super) job_type: JobType,
    /// The transaction it is about.
    pub(super) transaction_id: String,
    /// One line without control characters.
    pub(super) subject: String,
    /// What a mailbox shows beside the subject.
    pub(super) preheader: String,
    /// One word for what became of the money.
    pub(super) status: &'static str,
    pub(super) heading: String,
    /// What happened, a sentence a paragraph.
    pub(super) message: &'static str,
    pub(super) amount: Option<String>,
    pub(super) reason: Option<String>,
    /// What happens next.
    pub(super) next: &'static str,
}

impl Letter {
    /// To the seller: the money is theirs.
    pub(super) fn released(transaction_id: &str, amount: Option<Money>) -> Self {
        let money = amount.map_or_else(|| "Your payment".to_owned(), |amount| amount.to_string());
        Self {
            job_type: JobType::SendReleaseEmail,
            subject: subject("Payment released", transaction_id),
            preheader: format!("{money} was released from escrow and is on its way to you."),
            status: "Released",
            heading: "Your payment was released".to_owned(),
            message: "The buyer's payment was released from escrow and is on its way to you.",
            amount: amount.map(|amount| amount.to_string()),
            reason: None,
            next: "The money arrives with your next payout. When that is depends on your bank, usually within a few business days. You need not do anything.",
            transaction_id: cut(transaction_id, MAX_VALUE_CHARS),
        }
    }

    /// To the buyer: the money goes back.
    pub(super) fn refunded(transaction_id: &str, amount: Option<Money>, reason: Option<&str>) -> Self {
        let money = amount.map_or_else(|| "Your payment".to_owned(), |amount| amount.to_string());
        Self {
            job_type: JobType::SendRefundEmail,
            subject: subject("Payment refunded", transaction_id),
            preheader: format!("{money} goes back to the way you paid."),
            status: "Refunded",
            heading: "Your payment was refunded".to_owned(),
            message: "We are sending the money back to the card or account you paid with.",
            amount: amount.map(|amount| amount.to_string()),
            reason: given(reason),
            next: "Your bank shows the refund within 5 to 10 business days. Where your card was never charged, the hold on it is lifted instead. You need not do anything.",
            transaction_id: cut(transaction_id, MAX_VALUE_CHARS),
        }
    }

    /// To a party: a dispute was opened.
    pub(super) fn disputed(transaction_id: &str, reason: Option<&str>) -> Self {
        Self {
            job_type: JobType::SendDisputeEmail,
            subject: subject("Dispute opened", transaction_id),
            preheader: "The money stays in escrow until the dispute is resolved.".to_owned(),
            status: "In dispute",
            heading: "A dispute was opened".to_owned(),
            message: "A dispute was opened for this transaction. The money stays in escrow: it is neither paid out nor sent back for now.",
            amount: None,
            reason: given(reason),
            next: "Both sides are heard before anything is decided. Keep messages, invoices and proof of delivery at hand. We write to you as soon as the dispute is resolved.",
            transaction_id: cut(transaction_id, MAX_VALUE_CHARS),
        }
    }

    /// To the buyer: the money is held.
    pub(super) fn payment_confirmed(transaction_id: &str, amount: Option<Money>) -> Self {
        let money = amount.map_or_else(|| "Your payment".to_owned(), |amount| amount.to_string());
        Self {
            job_type: JobType::SendPaymentConfirmedEmail,
            subject: subject("Payment confirmed", transaction_id),
            preheader: format!("{money} is held safely in escrow."),
            status: "In escrow",
            heading: "Your payment is confirmed".to_owned(),
            message: "Thank you. Your payment is held safely in escrow; the seller knows and can go ahead.",
            amount: amount.map(|amount| amount.to_string()),
            reason: None,
            next: "The seller is paid once the payment is released. If something goes wrong before then, a dispute keeps the money where it is until it is settled.",
            transaction_id: cut(transaction_id, MAX_VALUE_CHARS),
        }
    }

    /// To both parties: how the dispute ended.
    pub(super) fn resolved(escrow_id: &str, resolution: Resolution) -> Self {
        let (status, message, next) = match resolution {
            Resolution::Release => (
                "Released",
                "The dispute was resolved in the seller's favour: the payment is released to the seller.",
                "The seller receives the money with the next payout. Nobody needs to do anything.",
            ),
            Resolution::Refund => (
                "Refunded",
                "The dispute was resolved in the buyer's favour: the payment goes back to the buyer.",
                "The buyer's bank shows the refund within 5 to 10 business days. Nobody needs to do anything.",
            ),
            Resolution::Split => (
                "Split",
                "The dispute was resolved by splitting the payment: a part is released to the seller, the rest goes back to the buyer.",
                "The seller receives a part with the next payout; the buyer's bank shows the rest within 5 to 10 business days. Nobody needs to do anything.",
            ),
        };
        Self {
            job_type: JobType::NotifyDisputeResolved,
            subject: subject("Dispute resolved", escrow_id),
            preheader: message.to_owned(),
            status,
            heading: "The dispute is resolved".to_owned(),
            message,
            amount: None,
            reason: None,
            next,
            transaction_id: cut(escrow_id, MAX_VALUE_CHARS),
        }
    }
}

/// Writes a subject: one line, whatever the value holds.
fn subject(what: &str, transaction_id: &str) -> String {
    let value: String = transaction_id.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let value = cut(value.trim(), MAX_SUBJECT_VALUE_CHARS);
    if value.is_empty() {
        return what.to_owned();
    }
    format!("{what}: {value}")
}

/// Returns a reason that says something.
fn given(reason: Option<&str>) -> Option<String> {
    let reason = reason?.trim();
    (!reason.is_empty()).then(|| cut(reason, MAX_VALUE_CHARS))
}

/// Cuts a text to `most` characters, with a mark where something is missing.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_stays_one_line_whatever_the_transaction_is_called() {
        let letter = Letter::disputed("esc-1\r\nBcc: everyone@example.com\0", None);
        assert_eq!(letter.subject, "Dispute opened: esc-1  Bcc: everyone@example.com");
        let long = Letter::disputed(&"ä".repeat(500), None).subject;
        assert_eq!(long, format!("Dispute opened: {}\u{2026}", "ä".repeat(48)));
        assert_eq!(Letter::disputed(" \n", None).subject, "Dispute opened");
    }

    #[test]
    fn a_blank_reason_is_no_reason_and_a_long_one_is_cut() {
        assert_eq!(Letter::disputed("esc-1", Some(" \n ")).reason, None);
        let reason = Letter::disputed("esc-1", Some(&"x".repeat(10_000))).reason.unwrap();
        assert_eq!(reason.chars().count(), MAX_VALUE_CHARS + 1);
    }

    #[test]
    fn without_an_amount_a_letter_still_reads_well() {
        let letter = Letter::released("esc-1", None);
        assert_eq!(letter.amount, None);
        assert_eq!(letter.preheader, "Your payment was released from escrow and is on its way to you.");
    }
}

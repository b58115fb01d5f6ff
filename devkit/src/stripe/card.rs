//! Stripe's test payment methods, by what each brings about (docs.stripe.com/testing).

/// A test card.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) token: &'static str,
    pub(super) brand: &'static str,
    pub(super) last4: &'static str,
    pub(super) behaviour: Behaviour,
}

/// What the card brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Approve,
    Decline(Decline),
    /// The customer must prove who they are first.
    Authenticate,
    /// Approved; once captured, the customer disputes the charge.
    Dispute,
    /// Approved; a refund succeeds at first and fails afterwards.
    FailRefund,
    /// Approved; a refund stays pending.
    PendRefund,
}

/// How a bank says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decline {
    pub(super) code: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: &'static str,
}

/// The card asks for authentication and the customer is not there.
pub(super) const AUTHENTICATION_REQUIRED: Decline = Decline {
    code: "authentication_required",
    reason: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
};

const fn card(token: &'static str, last4: &'static str, behaviour: Behaviour) -> Card {
    Card { token, brand: "visa", last4, behaviour }
}

const fn declined(
    token: &'static str,
    last4: &'static str,
    code: &'static str,
    reason: &'static str,
    message: &'static str,
) -> Card {
    card(token, last4, Behaviour::Decline(Decline { code, reason, message }))
}

const NO: &str = "Your card was declined.";

static CARDS: [Card; 19] = [
    card("pm_card_visa", "4242", Behaviour::Approve),
    Card { brand: "mastercard", ..card("pm_card_mastercard", "4444", Behaviour::Approve) },
    Card { brand: "amex", ..card("pm_card_amex", "8431", Behaviour::Approve) },
    declined("pm_card_chargeDeclined", "0002", "card_declined", "generic_decline", NO),
    declined(
        "pm_card_chargeDeclinedInsufficientFunds",
        "9995",
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
    ),
    declined("pm_card_chargeDeclinedLostCard", "9987", "card_declined", "lost_card", NO),
    declined("pm_card_chargeDeclinedStolenCard", "9979", "card_declined", "stolen_card", NO),
    declined("pm_card_chargeDeclinedFraudulent", "0019", "card_declined", "fraudulent", NO),
    declined("pm_card_chargeDeclinedExpiredCard", "0069", "expired_card", "expired_card", "Your card has expired."),
    declined(
        "pm_card_chargeDeclinedIncorrectCvc",
        "0127",
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
    ),
    declined(
        "pm_card_chargeDeclinedProcessingError",
        "0119",
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    declined("pm_card_chargeCustomerFail", "0341", "card_declined", "generic_decline", NO),
    card("pm_card_authenticationRequired", "3184", Behaviour::Authenticate),
    card("pm_card_threeDSecure2Required", "3220", Behaviour::Authenticate),
    card("pm_card_threeDSecureRequired", "3063", Behaviour::Authenticate),
    card("pm_card_createDispute", "0259", Behaviour::Dispute),
    card("pm_card_createDisputeProductNotReceived", "2685", Behaviour::Dispute),
    card("pm_card_refundFail", "5126", Behaviour::FailRefund),
    card("pm_card_pendingRefund", "7726", Behaviour::PendRefund),
];

/// The card with this token; `pm_card_visa_chargeDeclined` and `pm_card_chargeDeclined` are one.
pub(super) fn find(token: &str) -> Option<&'static Card> {
    let plain = token.strip_prefix("pm_card_visa_").map_or_else(|| token.to_owned(), |rest| format!("pm_card_{rest}"));
    CARDS.iter().find(|card| card.token == plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_found_with_and_without_its_brand() {
        assert_eq!(find("pm_card_visa_chargeDeclinedLostCard"), find("pm_card_chargeDeclinedLostCard"));
        assert_eq!(find("pm_card_visa").map(|card| card.last4), Some("4242"));
        assert_eq!(find("pm_card_unheard"), None);
    }
}

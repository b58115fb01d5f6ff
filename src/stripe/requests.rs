//! What Stripe is asked to do for an escrow. Each request depends on its arguments alone, so that a repeat under the same key is the
//! same request.

use std::collections::HashMap;

use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::payment_intent::{
    CancelPaymentIntent, CapturePaymentIntent, CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects, ListPaymentIntent,
};
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_types::{Currency, RangeQueryTs};

use super::{ESCROW_ID, IDEMPOTENCY_KEY};
use crate::domain::millis::Millis;

/// Objects in one page. Stripe's most.
const PAGE: i64 = 100;

/// A payment to be held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewPayment<'a> {
    pub(crate) escrow_id: &'a str,
    pub(crate) amount: i64,
    pub(crate) currency: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) payment_method: Option<&'a str>,
}

/// Captured money to be given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRefund<'a> {
    pub(crate) escrow_id: &'a str,
    pub(crate) intent_id: &'a str,
    pub(crate) amount: i64,
    pub(crate) key: &'a str,
}

/// Holds money without taking it; with a payment method at once.
pub(crate) fn create_payment(payment: &NewPayment<'_>) -> RequestBuilder {
    let methods = CreatePaymentIntentAutomaticPaymentMethods {
        allow_redirects: Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never),
        enabled: true,
    };
    // A code this version of the types does not know is passed on as it is.
    let currency: Currency = payment.currency.parse().unwrap_or(Currency::Unknown(payment.currency.to_owned()));
    let mut request = CreatePaymentIntent::new(payment.amount, currency)
        .automatic_payment_methods(methods)
        .capture_method(stripe_shared::PaymentIntentCaptureMethod::Manual)
        .metadata(HashMap::from([(ESCROW_ID.to_owned(), payment.escrow_id.to_owned())]))
        .expand(vec!["latest_charge".to_owned()]);
    if let Some(description) = payment.description {
        request = request.description(description);
    }
    if let Some(method) = payment.payment_method {
        request = request.payment_method(method).confirm(true);
    }
    request.build()
}

/// Takes so much of the money held; the rest goes back.
pub(crate) fn capture(intent_id: &str, amount: i64) -> RequestBuilder {
    let expand = vec!["latest_charge".to_owned()];
    CapturePaymentIntent::new(intent_id).amount_to_capture(amount).expand(expand).build()
}

/// Lets the money held go back.
pub(crate) fn cancel(intent_id: &str) -> RequestBuilder {
    CancelPaymentIntent::new(intent_id).build()
}

/// Gives captured money back. The key is in the metadata too, so that the refund is found after Stripe has forgotten the key.
pub(crate) fn create_refund(refund: &NewRefund<'_>) -> RequestBuilder {
    let metadata = HashMap::from([
        (ESCROW_ID.to_owned(), refund.escrow_id.to_owned()),
        (IDEMPOTENCY_KEY.to_owned(), refund.key.to_owned()),
    ]);
    CreateRefund::new().payment_intent(refund.intent_id).amount(refund.amount).metadata(metadata).build()
}

/// Reads a page of a payment's refunds, newest first.
pub(super) fn list_refunds(intent_id: &str, after: Option<&str>) -> RequestBuilder {
    let refunds = ListRefund::new().payment_intent(intent_id).limit(PAGE);
    match after {
        Some(id) => refunds.starting_after(id).build(),
        None => refunds.build(),
    }
}

/// Reads a page of the payments made since, newest first.
pub(super) fn list_payments(since: Millis, after: Option<&str>) -> RequestBuilder {
    let payments = ListPaymentIntent::new().created(RangeQueryTs::gte(since.0.div_euclid(1_000))).limit(PAGE);
    match after {
        Some(id) => payments.starting_after(id).build(),
        None => payments.build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(built: RequestBuilder) -> Vec<String> {
        let mut fields: Vec<String> = built.body.unwrap().split('&').map(str::to_owned).collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn a_payment_is_held_not_taken_and_names_its_escrow() {
        let payment = NewPayment {
            escrow_id: "esc_1",
            amount: 500,
            currency: "usd",
            description: None,
            payment_method: Some("pm_card_visa"),
        };
        assert_eq!(
            fields(create_payment(&payment)),
            [
                "amount=500",
                "automatic_payment_methods[allow_redirects]=never",
                "automatic_payment_methods[enabled]=true",
                "capture_method=manual",
                "confirm=true",
                "currency=usd",
                "expand[0]=latest_charge",
                "metadata[escrow_id]=esc_1",
                "payment_method=pm_card_visa",
            ]
        );
    }

    #[test]
    fn a_hold_is_let_go_by_its_intent() {
        assert_eq!(cancel("pi_1").path, "/payment_intents/pi_1/cancel");
    }

    #[test]
    fn lists_are_read_page_by_page() {
        let query = |built: RequestBuilder| built.query.unwrap();
        assert_eq!(query(list_refunds("pi_1", None)), "limit=100&payment_intent=pi_1");
        assert_eq!(query(list_refunds("pi_1", Some("re_9"))), "limit=100&payment_intent=pi_1&starting_after=re_9");
        assert_eq!(query(list_payments(Millis(1_999), None)), "created[gte]=1&limit=100");
        assert_eq!(query(list_payments(Millis(0), Some("pi_9"))), "created[gte]=0&limit=100&starting_after=pi_9");
    }

    #[test]
    fn a_refund_carries_its_key() {
        let refund = NewRefund { escrow_id: "esc_1", intent_id: "pi_1", amount: 5, key: "esc_1:refund:4" };
        let built = create_refund(&refund);
        assert!(fields(built).contains(&"metadata[idempotency_key]=esc_1:refund:4".to_owned()));
    }
}

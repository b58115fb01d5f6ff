//! Which currencies are taken, and between which amounts.

use super::error::StripeError;

/// Largest amount, in minor units. docs.stripe.com/currencies: eight digits.
const MAX_AMOUNT: i64 = 99_999_999;

/// Smallest amounts, in minor units. docs.stripe.com/currencies, "Minimum and maximum charge amounts".
const MINIMUMS: [(&str, i64); 33] = [
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("hrk", 50),
    ("huf", 17_500),
    ("idr", 50),
    ("ils", 50),
    ("inr", 50),
    ("jpy", 50),
    ("krw", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("php", 50),
    ("pln", 200),
    ("ron", 200),
    ("rub", 50),
    ("sar", 50),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
    ("try", 50),
    ("usd", 50),
    ("zar", 50),
];

/// Other currencies taken, whose minimum is that of the settlement currency; here one minor unit.
const OTHERS: [&str; 22] = [
    "ars", "bhd", "clp", "cop", "egp", "isk", "jod", "kes", "kwd", "lkr", "mad", "ngn", "omr", "pen", "pkr", "qar",
    "tnd", "twd", "uah", "ugx", "uyu", "vnd",
];

/// Currencies without a minor unit. docs.stripe.com/currencies, "Zero-decimal currencies".
const ZERO_DECIMAL: [&str; 5] = ["clp", "jpy", "krw", "vnd", "xaf"];

/// Currencies without a minor unit whose amounts have two decimals all the same, both 0. The same page, "Special cases".
const IN_WHOLE: [&str; 2] = ["isk", "ugx"];

/// Currencies with thousandths. docs.stripe.com/currencies, "Three-decimal currencies".
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// The currency in lower case, as Stripe writes it, when the amount is one it takes.
pub(super) fn check(amount: i64, currency: &str) -> Result<String, StripeError> {
    let currency = currency.to_ascii_lowercase();
    let minimum = MINIMUMS.iter().find(|(code, _)| *code == currency).map(|(_, minimum)| *minimum);
    let minimum = match minimum {
        Some(minimum) => minimum,
        None if OTHERS.contains(&currency.as_str()) => 1,
        None => {
            let message =
                format!("Invalid currency: {currency}. Stripe currently supports these currencies: {}", list());
            return Err(StripeError::invalid(&message).with("param", "currency".into()));
        }
    };
    if amount < minimum {
        let message = format!("Amount must be at least {}", display(minimum, &currency));
        return Err(StripeError::param("amount_too_small", "amount", &message));
    }
    if amount > MAX_AMOUNT {
        let message = format!("Amount must be no more than {}", display(MAX_AMOUNT, &currency));
        return Err(StripeError::param("amount_too_large", "amount", &message));
    }
    if THREE_DECIMAL.contains(&currency.as_str()) && amount % 10 != 0 {
        let message =
            format!("Amounts in {currency} must end in 0: the last digit of the three decimals is not charged.");
        return Err(StripeError::param("parameter_invalid_integer", "amount", &message));
    }
    if IN_WHOLE.contains(&currency.as_str()) && amount % 100 != 0 {
        let message = format!("Amounts in {currency} must end in 00: fractions of it are not charged.");
        return Err(StripeError::param("parameter_invalid_integer", "amount", &message));
    }
    Ok(currency)
}

/// `12.34 usd`, with the digits the currency has.
pub(super) fn display(amount: i64, currency: &str) -> String {
    let (per_unit, digits) = if ZERO_DECIMAL.contains(&currency) {
        return format!("{amount} {currency}");
    } else if THREE_DECIMAL.contains(&currency) {
        (1000, 3)
    } else {
        (100, 2)
    };
    format!("{}.{:0digits$} {currency}", amount / per_unit, (amount % per_unit).abs())
}

fn list() -> String {
    let mut all: Vec<&str> = MINIMUMS.iter().map(|(code, _)| *code).chain(OTHERS).collect();
    all.sort_unstable();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_digits_of_the_currency() {
        let written = [(1234, "usd"), (1234, "jpy"), (1234, "kwd"), (5, "eur"), (500, "ugx")]
            .map(|(amount, of)| display(amount, of));

        assert_eq!(written, ["12.34 usd", "1234 jpy", "1.234 kwd", "0.05 eur", "5.00 ugx"]);
    }

    #[test]
    fn amounts_outside_the_limits_are_refused() {
        assert_eq!(check(99_999_999, "USD").ok().as_deref(), Some("usd"));
        for (amount, currency) in
            [(49, "usd"), (100_000_000, "usd"), (100, "doge"), (49, "jpy"), (1001, "kwd"), (550, "ugx")]
        {
            assert!(check(amount, currency).is_err(), "{amount} {currency}");
        }
    }
}

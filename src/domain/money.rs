//! Money: whole minor units of one currency. No floats, no mixing of currencies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Largest amount, in minor units: 2^53 - 1, because Lua's and JavaScript's numbers are doubles.
pub const MAX_MINOR_UNITS: i64 = (1 << 53) - 1;

/// Currencies that Stripe charges with no decimals (its documentation, "Zero-decimal currencies", August 2026), less those of [`IN_WHOLE`].
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];

/// Currencies without a minor unit whose amounts Stripe takes with two decimals all the same, both 0 (the same page, "Special cases").
const IN_WHOLE: [&str; 2] = ["isk", "ugx"];

/// Currencies with three decimals (the same page).
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// The currencies of ISO 4217 that money is paid in: no funds, no metals, no test codes.
const ISO_4217: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf \
    chf clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl htg huf idr ils \
    inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt mop mru mur mvr \
    mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sdg sek sgd shp sle sos \
    srd ssp stn svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd uyu uzs ves vnd vuv wst xaf xcd xof xpf yer zar zmw zwg";

/// A currency by its ISO 4217 letters, in lower case as Stripe writes them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// An amount of one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    minor_units: i64,
    currency: Currency,
}

/// A value that is no money, or a sum that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The currency is not three letters.
    #[error("currency {0:?} is not three letters of ISO 4217, such as \"usd\"")]
    Currency(String),
    /// The amount is negative or too large.
    #[error("amount {0} is outside 0 to {MAX_MINOR_UNITS} minor units")]
    Range(i64),
    /// Stripe takes the currency in larger steps.
    #[error("amount is {amount}, expected a multiple of {}: Stripe takes {currency} in no smaller steps", .currency.step())]
    Step {
        /// Minor units.
        amount: i64,
        /// Of what.
        currency: Currency,
    },
}

impl Currency {
    /// Takes three letters of either case.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self(letters.map(|l| l.to_ascii_lowercase())))
            }
            _ => Err(MoneyError::Currency(text.chars().take(12).collect())),
        }
    }

    /// Returns the three letters in lower case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Tells whether ISO 4217 knows it.
    pub fn is_listed(&self) -> bool {
        ISO_4217.split_ascii_whitespace().any(|code| code == self.as_str())
    }

    /// Returns how many decimals the currency is written with: 2 for most, 0 or 3 for some.
    pub fn decimals(&self) -> u32 {
        match self.as_str() {
            code if ZERO_DECIMAL.contains(&code) => 0,
            code if THREE_DECIMAL.contains(&code) => 3,
            _ => 2,
        }
    }

    /// Returns the minor units of which Stripe takes multiples only: 10 of a currency with three decimals, 100 of one it takes in whole.
    pub fn step(&self) -> i64 {
        match self.as_str() {
            code if THREE_DECIMAL.contains(&code) => 10,
            code if IN_WHOLE.contains(&code) => 100,
            _ => 1,
        }
    }

    /// Tells whether Stripe takes so many minor units.
    pub fn takes(&self, amount: i64) -> Result<(), MoneyError> {
        if amount % self.step() == 0 {
            return Ok(());
        }
        Err(MoneyError::Step { amount, currency: *self })
    }
}

impl Money {
    /// Makes an amount of 0 to 2^53 - 1 minor units.
    pub fn new(minor_units: i64, currency: Currency) -> Result<Self, MoneyError> {
        if (0..=MAX_MINOR_UNITS).contains(&minor_units) {
            return Ok(Self { minor_units, currency });
        }
        Err(MoneyError::Range(minor_units))
    }

    /// Returns the amount in minor units.
    pub fn minor_units(&self) -> i64 {
        self.minor_units
    }

    /// Returns the currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Writes `1,234.50 USD`: grouped by thousands, with the currency's decimals and its letters.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_i64.pow(self.currency.decimals());
        let digits = (self.minor_units / scale).to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        if scale > 1 {
            write!(f, ".{:0width$}", self.minor_units % scale, width = self.currency.decimals() as usize)?;
        }
        write!(f, " {}", self.currency.as_str().to_ascii_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor_units: i64, currency: &str) -> String {
        Money::new(minor_units, Currency::parse(currency).unwrap()).unwrap().to_string()
    }

    #[test]
    fn an_amount_is_written_with_its_currencys_decimals() {
        assert_eq!(money(10_000, "usd"), "100.00 USD");
        assert_eq!(money(5, "EUR"), "0.05 EUR");
        assert_eq!(money(123_456_789, "usd"), "1,234,567.89 USD");
        assert_eq!(money(500, "jpy"), "500 JPY");
        assert_eq!(money(1_234_567, "kwd"), "1,234.567 KWD");
        assert_eq!(money(500, "ugx"), "5.00 UGX");
        assert_eq!(money(500, "isk"), "5.00 ISK");
        assert_eq!(money(0, "usd"), "0.00 USD");
    }

    #[test]
    fn what_a_double_cannot_hold_is_no_amount() {
        let usd = Currency::parse("usd").unwrap();
        assert_eq!(Money::new(MAX_MINOR_UNITS + 1, usd), Err(MoneyError::Range(MAX_MINOR_UNITS + 1)));
        assert_eq!(Money::new(-1, usd), Err(MoneyError::Range(-1)));
    }

    #[test]
    fn stripe_takes_some_currencies_in_larger_steps_than_a_minor_unit() {
        let takes = |amount, code| Currency::parse(code).unwrap().takes(amount).is_ok();
        assert!(
            [(1, "usd"), (1, "jpy"), (10, "kwd"), (100, "isk"), (500, "ugx")].into_iter().all(|(n, c)| takes(n, c))
        );
        assert!([(1, "kwd"), (10, "isk"), (550, "ugx")].into_iter().all(|(n, c)| !takes(n, c)));
    }

    #[test]
    fn only_currencies_of_iso_4217_are_listed() {
        let listed = |code| Currency::parse(code).unwrap().is_listed();
        assert!(ZERO_DECIMAL.into_iter().chain(IN_WHOLE).chain(THREE_DECIMAL).chain(["usd", "EUR"]).all(listed));
        assert!(["zzz", "xxx", "btc", "xau"].into_iter().all(|code| !listed(code)));
    }

    #[test]
    fn a_currency_is_three_letters() {
        for bad in ["", "us", "usdt", "u1d", "€", "us "] {
            assert!(Currency::parse(bad).is_err(), "{bad:?}");
        }
    }
}

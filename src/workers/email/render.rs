//! A letter as HTML and as plain text, from the templates in `templates/email/`.

use askama::Template;

use super::Letter;
use crate::config::Brand;

#[derive(Template)]
#[template(path = "email/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
    brand: &'a Brand,
}

#[derive(Template)]
#[template(path = "email/letter.txt", escape = "none")]
struct Text<'a> {
    letter: &'a Letter,
    brand: &'a Brand,
}

/// Renders the mail for programs that show HTML. Every value is escaped.
pub(super) fn html(letter: &Letter, brand: &Brand) -> String {
    written(&Html { letter, brand })
}

/// Renders the mail for programs that show text.
pub(super) fn text(letter: &Letter, brand: &Brand) -> String {
    written(&Text { letter, brand })
}

#[expect(clippy::expect_used, reason = "the templates call nothing that fails, and a String takes every write")]
fn written(template: &impl Template) -> String {
    template.render().expect("writing to a String cannot fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::job::Resolution;
    use crate::domain::money::{Currency, Money};

    fn brand() -> Brand {
        Brand { name: "Holdfast".into(), color: "#2f5bd7".into(), logo: None }
    }

    fn usd(minor_units: i64) -> Option<Money> {
        Money::new(minor_units, Currency::parse("usd").unwrap()).ok()
    }

    #[test]
    fn a_logo_stands_in_the_place_of_the_name_which_is_read_where_pictures_are_not() {
        let brand = Brand { logo: Some("https://shop.example/l.png?a=1&b=\"".into()), ..brand() };
        let html = html(&Letter::resolved("esc_1", Resolution::Split), &brand);
        assert!(html.contains(r#"<img src="https://shop.example/l.png?a=1&#38;b=&#34;" alt="Holdfast""#), "{html}");
    }

    #[test]
    fn every_value_is_escaped() {
        let evil = "<img src=x onerror=alert(1)>\"'&";
        let letter = Letter::refunded(evil, usd(1), Some(evil));
        let brand = Brand { name: evil.into(), ..brand() };
        let html = html(&letter, &brand);
        assert!(!html.contains("<img"), "{html}");
        assert_eq!(html.matches("&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;").count(), 5);
    }

    #[test]
    fn the_text_says_all_that_the_html_says() {
        let letter = Letter::refunded("esc_1", usd(1_234_550), Some("The parcel never arrived."));
        assert_eq!(
            text(&letter, &brand()),
            "\
Your payment was refunded

We are sending the money back to the card or account you paid with.

Amount:       12,345.50 USD
Status:       Refunded
Transaction:  esc_1
Reason:       The parcel never arrived.

What happens next
Your bank shows the refund within 5 to 10 business days. Where your card was never charged, the hold on it is lifted instead. You need not do anything.

--
Holdfast
You get this mail because you are a party to this transaction."
        );
        let html = html(&letter, &brand());
        for said in [&letter.heading, letter.next, letter.message, "12,345.50 USD", "The parcel never arrived."] {
            assert!(html.contains(said), "{said}");
        }
    }

    #[test]
    fn what_a_letter_lacks_leaves_no_gap() {
        let text = text(&Letter::resolved("esc_1", Resolution::Split), &brand());
        assert!(
            text.contains("rest goes back to the buyer.\n\nStatus:       Split\nTransaction:  esc_1\n\nWhat"),
            "{text}"
        );
        let html = html(&Letter::disputed("esc_1", None), &brand());
        assert!(!html.contains(">Amount<") && !html.contains(">Reason<"));
    }

    /// What mail programs need of a mail: no script, no style sheet or picture from elsewhere, under Gmail's limit of 102 KB.
    #[test]
    fn a_mail_is_whole_in_itself_and_short_enough_not_to_be_clipped() {
        let letter = Letter::payment_confirmed(&"x".repeat(2_000), usd(9_007_199_254_740_991));
        let html = html(&letter, &brand());
        for foreign in ["<script", "<link", "src=", "url(", "https://"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        assert!(html.len() < 102 * 1024, "{}", html.len());
    }
}

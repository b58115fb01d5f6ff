//! The example shop, pressed button by button as a browser without scripts does.

use std::time::Duration;

use clap::Parser;
use devkit::stack::{Stack, StackOptions};
use tokio::time::{MissedTickBehavior, interval, timeout};

struct Browser {
    stack: Stack,
    http: reqwest::Client,
}

impl Browser {
    async fn new() -> Self {
        let arguments = ["dev", "--port", "0", "--rest-port", "0", "--no-cron"];
        let stack = Stack::start(StackOptions::parse_from(arguments)).await.unwrap();
        Self { stack, http: holdfast::outbound::client().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/dev/shop{path}", self.stack.url().unwrap())
    }

    async fn page(&self, path: &str) -> String {
        self.http.get(self.url(path)).send().await.unwrap().text().await.unwrap()
    }

    /// Presses a button, and returns the page it leads to.
    async fn press(&self, path: &str, fields: &str) -> String {
        let form = "application/x-www-form-urlencoded";
        let request = self.http.post(self.url(path)).header("content-type", form).body(fields.to_owned());
        let answer = request.send().await.unwrap();
        match answer.headers().get("location") {
            Some(to) => to.to_str().unwrap().trim_start_matches("/dev/shop").to_owned(),
            None => answer.text().await.unwrap(),
        }
    }

    /// Looks at the page until it says `expected`.
    async fn sees(&self, path: &str, expected: &str) -> String {
        let mut looks = interval(Duration::from_millis(50));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let looked = timeout(Duration::from_secs(20), async {
            loop {
                looks.tick().await;
                let page = self.page(path).await;
                if page.contains(expected) {
                    return page;
                }
            }
        });
        looked.await.unwrap_or_else(|_| panic!("{path} never said {expected:?}"))
    }
}

const ORDER: &str =
    "description=A+bicycle&amount=10000&currency=usd&buyer=buyer%40example.com&seller=seller%40example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_released_and_its_mail_and_webhook_are_seen() {
    let t = Browser::new().await;
    let order = t.press("", &format!("key=one&{ORDER}")).await;
    assert_eq!(t.press("", &format!("key=one&{ORDER}")).await, order, "a double click is one order");

    t.press(&format!("{order}/pay"), "key=a&card=pm_card_chargeDeclinedLostCard").await;
    t.sees(&order, "Your card was declined.").await;
    t.press(&format!("{order}/pay"), "key=b&card=pm_card_visa").await;
    t.sees(&order, "100.00 USD remaining").await;
    t.press(&format!("{order}/release"), "key=c").await;

    t.sees(&order, "100.00 USD released").await;
    t.sees(&order, "to seller@example.com, delivered").await;
    t.sees(&order, ">verified</a>").await;
    t.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_address_leads_to_the_shop_whose_pages_lead_to_the_others() {
    let t = Browser::new().await;
    for path in ["", "/", "/dev", "/dev/"] {
        let answer = t.http.get(format!("{}{path}", t.stack.url().unwrap())).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (303, &"/dev/shop".parse().unwrap()));
    }
    assert!(t.page("").await.contains(r#"href="/dev/outbox""#));
    t.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_disputed_and_split() {
    let t = Browser::new().await;
    let order = t.press("", &format!("key=one&{ORDER}")).await;
    t.press(&format!("{order}/pay"), "key=a&card=pm_card_visa").await;
    t.sees(&order, "Dispute</button>").await;
    t.press(&format!("{order}/dispute"), "key=b&reason=%3Cb%3Ebroken").await;
    let disputed = t.sees(&order, "Resolve, as operator").await;
    t.press(&format!("{order}/resolve"), "key=c&resolution=split&release_amount=6000").await;

    let split = t.sees(&order, "60.00 USD released + 40.00 USD refunded + 0.00 USD remaining").await;
    assert!(disputed.contains("&#60;b&#62;broken") && !split.contains("<b>broken"));
    assert!(
        t.press("", "key=two&description=x&amount=ten&currency=usd&buyer=b%40example.com&seller=s%40example.com")
            .await
            .contains("whole number")
    );
    t.stack.stop().await;
}

//! Telling operators: that an alert opened, and that it is over; by mail, by webhook, or both.

use serde_json::json;

use super::webhook::event::API_VERSION;
use super::webhook::sender::Hook;
use super::{Workers, configured};
use crate::domain::millis::Millis;
use crate::domain::outcome::Failure;

/// What operators are told.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// A name of its own: a repeat under it is told once.
    pub key: &'a str,
    /// Which alert.
    pub alert: &'a str,
    /// Whether it opens; else it is over.
    pub opens: bool,
    /// What was seen, in a sentence.
    pub detail: &'a str,
    /// When.
    pub at: Millis,
}

impl Workers {
    /// Tells operators where they asked to be told.
    ///
    /// # Errors
    /// When no way that is set up worked. What one way failed at while another worked is logged.
    pub async fn tell(&self, notice: Notice<'_>) -> Result<(), Failure> {
        let ways = [self.mail_notice(notice).await, self.post_notice(notice).await];
        let (told, mut failed) = (ways.contains(&Some(Ok(()))), ways.into_iter().flatten().filter_map(Result::err));
        match failed.next() {
            Some(failure) if !told => Err(failure),
            Some(failure) => {
                tracing::warn!(alert = notice.alert, error = %failure, "one of the ways to tell operators does not work");
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn mail_notice(&self, notice: Notice<'_>) -> Option<Result<(), Failure>> {
        let to = self.alert_email.as_ref()?;
        let (word, end) = if notice.opens { ("Alert", "") } else { ("Resolved", " It is over.") };
        let subject = format!("{word}: {}", notice.alert);
        let text = format!(
            "{}.{end}\n\nGET /api/jobs/process shows the statistics, /api/jobs/dead-letter the dead letters.\n",
            notice.detail
        );
        Some(async { configured(&self.email)?.note(notice.key, to, &subject, &text).await }.await)
    }

    async fn post_notice(&self, notice: Notice<'_>) -> Option<Result<(), Failure>> {
        let target = self.alert_webhook.as_ref()?;
        let body = json!({
            "type": if notice.opens { "alert.opened" } else { "alert.resolved" },
            "timestamp": notice.at.to_rfc3339(),
            "apiVersion": API_VERSION,
            "data": {"alert": notice.alert, "detail": notice.detail},
        });
        let (body, sender) = (body.to_string(), &self.webhook.sender);
        let hook = Hook { id: notice.key, traceparent: None, body: &body };
        Some(async { sender.send(configured(target)?, hook).await.result }.await)
    }
}

//! An outbox that speaks Resend's API: mails are accepted and kept, never sent.
//!
//! A mail accepted is in [`Outbox::mails`] once, whatever becomes of the answer. What then happens
//! to it is told by events, signed as Resend signs them: by the address, as with Resend's own test
//! addresses (`bounced@`, `complained@`, `delayed@`; any other is delivered), and on request.

mod api;
mod event;
mod mailgun;
mod message;
mod refuse;
mod view;

use axum::Router;
use serde_json::Value;

use crate::fault::Faults;
use crate::journal::{CallRecord, Journal};
use crate::keys::Keys;
use crate::postman::Postman;
use crate::shared::Shared;

pub use event::MailEvent;
pub use message::{Draft, Mail, MailStatus};

/// How an outbox is set up.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// The key callers present as `Authorization: Bearer`.
    pub api_key: String,
    /// Signs the events: `whsec_` and base64.
    pub webhook_secret: String,
    /// Where events go; nowhere when `None`, until [`Postman::set_url`].
    pub events_url: Option<String>,
}

impl Default for MailOptions {
    /// The key `re_dev`, a fixed secret, no events.
    fn default() -> Self {
        Self {
            api_key: "re_dev".to_owned(),
            webhook_secret: "whsec_aG9sZGZhc3QtZGV2LW1haWwtZXZlbnRz".to_owned(),
            events_url: None,
        }
    }
}

/// The outbox and the API in front of it; copies share both.
#[derive(Clone, Debug)]
pub struct Outbox {
    api_key: String,
    mails: Shared<Vec<Mail>>,
    keys: Keys<Value>,
    faults: Faults,
    journal: Journal,
    postman: Postman,
}

impl Outbox {
    /// An empty outbox.
    ///
    /// # Panics
    /// Outside a Tokio runtime: events leave from a task.
    pub fn new(options: MailOptions) -> Self {
        Self {
            api_key: options.api_key,
            mails: Shared::default(),
            keys: Keys::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            postman: Postman::new(options.events_url, event::signer(&options.webhook_secret)),
        }
    }

    /// Resend's API: `POST /emails`, `POST /emails/batch`, `GET /emails/{id}`; and Mailgun's `POST /v3/{domain}/messages`.
    pub fn router(&self) -> Router {
        api::router(self)
    }

    /// The list at `base`, the same as JSON at `base.json`, a mail at `base/{id}`, and the controls
    /// under `base/control`.
    pub fn pages(&self, base: &str) -> Router {
        view::pages(self, base)
    }

    /// Every mail accepted, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().clone()
    }

    /// How many mails were accepted under this idempotency key.
    pub fn accepted(&self, idempotency_key: &str) -> usize {
        self.mails.lock().iter().filter(|mail| mail.idempotency_key.as_deref() == Some(idempotency_key)).count()
    }

    /// Every call to the API, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.journal.calls()
    }

    /// What the next calls meet.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Who carries the events.
    pub fn events(&self) -> &Postman {
        &self.postman
    }

    /// Lets this happen to a mail and sends the event; false when there is no such mail.
    pub fn report(&self, mail_id: &str, event: MailEvent) -> bool {
        let mut mails = self.mails.lock();
        let Some(mail) = mails.iter_mut().find(|mail| mail.id == mail_id) else {
            return false;
        };
        mail.status = event.status();
        mail.events.push(event);
        let message = event::message(mail, event);
        drop(mails);
        self.postman.post(message);
        true
    }

    /// Forgets the idempotency keys, as Resend does after 24 hours.
    pub fn forget_idempotency_keys(&self) {
        self.keys.clear();
    }

    /// Forgets the mails; keys, faults and events stay.
    pub fn clear(&self) {
        self.mails.lock().clear();
    }

    /// Takes mails in, all at once, and reports what their addresses ask for.
    fn accept(&self, drafts: Vec<Draft>, idempotency_key: Option<&str>) -> Vec<String> {
        let accepted: Vec<Mail> = drafts.into_iter().map(|draft| Mail::new(draft, idempotency_key)).collect();
        let planned: Vec<(String, Vec<MailEvent>)> =
            accepted.iter().map(|mail| (mail.id.clone(), event::by_address(&mail.draft.to))).collect();
        self.mails.lock().extend(accepted);
        for (id, events) in &planned {
            for event in events {
                self.report(id, *event);
            }
        }
        planned.into_iter().map(|(id, _)| id).collect()
    }
}

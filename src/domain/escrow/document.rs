//! The escrow's document: what `escrow:{id}` holds, as JSON, beside its version and state.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

use super::amounts::stored;
use super::history::{Entry, MAX_ENTRIES};
use super::{Amounts, Chargeback, Operation, Payment, Refund, RefundStatus, Role, State};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::{EscrowId, JobId, PartnerId};
use crate::domain::job::{JobType, Resolution};
use crate::domain::millis::Millis;
use crate::domain::money::{Currency, MAX_MINOR_UNITS, Money};

/// One payment held for a partner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Escrow {
    /// Its name.
    pub id: EscrowId,
    /// How often it was written.
    #[serde(deserialize_with = "version")]
    pub version: u64,
    /// Where it is in its life.
    pub state: State,
    /// Whose it is.
    pub partner: PartnerId,
    /// Minor units asked for.
    #[serde(deserialize_with = "stored")]
    pub amount: i64,
    /// Their currency.
    pub currency: Currency,
    /// Who pays.
    pub buyer_email: EmailAddress,
    /// Who is paid.
    pub seller_email: EmailAddress,
    /// What it is for, as the buyer sees it.
    pub description: Option<String>,
    /// The partner's own notes.
    pub metadata: BTreeMap<String, String>,
    /// What is known of the payment.
    pub payment: Payment,
    /// Refunds of captured money.
    pub refunds: Vec<Refund>,
    /// Objections at the bank.
    pub chargebacks: Vec<Chargeback>,
    /// The operation that is under way.
    pub pending: Option<Pending>,
    /// Why the last operation or payment did not succeed.
    pub last_failure: Option<Failure>,
    /// What moved it, oldest first.
    pub history: Vec<Entry>,
    /// The jobs it caused, oldest first.
    pub jobs: Vec<JobRef>,
    /// Those of them that wait for the end of the authorisation.
    pub timers: Vec<Timer>,
    /// When it came into being.
    pub created_at: Millis,
    /// When it was last written.
    pub updated_at: Millis,
}

/// An operation under way: what is to happen at Stripe, written before Stripe is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// What was begun.
    pub operation: Operation,
    /// The state it was begun from, and goes back to when Stripe refuses.
    pub from: State,
    /// Minor units to capture, or to give back.
    #[serde(deserialize_with = "stored")]
    pub amount: i64,
    /// The idempotency key at Stripe: `<escrow>:<operation>:<version>`, and `:2` and so on behind it where Stripe keeps a failure under
    /// the one before.
    pub key: String,
    /// The request that began it.
    pub request: Option<String>,
    /// How the dispute is to end.
    pub resolution: Option<Resolution>,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// Who began it.
    pub by: Role,
    /// When it was begun.
    pub at: Millis,
    /// The job that finishes it when nobody else does.
    pub job: JobId,
}

/// Why an operation or a payment did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The status of Stripe's answer; 402 is a decline.
    pub status: Option<u16>,
    /// Stripe's code, one word.
    pub code: Option<String>,
    /// The bank's reason, one word.
    pub decline_code: Option<String>,
}

/// A job that an escrow caused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRef {
    /// Its id.
    pub id: JobId,
    /// Its type.
    #[serde(rename = "type")]
    pub job_type: JobType,
}

/// A job that waits for the end of the authorisation, and is taken back when that no longer matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timer {
    /// The job.
    pub job: JobId,
    /// When it was made.
    pub made_at: Millis,
    /// When it is due.
    pub due: Millis,
    /// Whether it warns, or looks for the end.
    pub warns: bool,
}

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct NewEscrow {
    /// Its name.
    pub id: EscrowId,
    /// Whose it is.
    pub partner: PartnerId,
    /// How much.
    pub money: Money,
    /// Who pays.
    pub buyer_email: EmailAddress,
    /// Who is paid.
    pub seller_email: EmailAddress,
    /// What it is for.
    pub description: Option<String>,
    /// The partner's own notes.
    pub metadata: BTreeMap<String, String>,
    /// What it is paid with at once.
    pub payment_method: Option<String>,
    /// Who asks.
    pub by: Role,
    /// The request that asks.
    pub request: Option<String>,
}

impl Escrow {
    /// Makes the first version of an escrow.
    pub fn new(wanted: NewEscrow, now: Millis) -> Self {
        let mut escrow = Self {
            id: wanted.id,
            version: 0,
            state: State::Created,
            partner: wanted.partner,
            amount: wanted.money.minor_units(),
            currency: wanted.money.currency(),
            buyer_email: wanted.buyer_email,
            seller_email: wanted.seller_email,
            description: wanted.description,
            metadata: wanted.metadata,
            payment: Payment { method: wanted.payment_method, ..Payment::default() },
            refunds: Vec::new(),
            chargebacks: Vec::new(),
            pending: None,
            last_failure: None,
            history: Vec::new(),
            jobs: Vec::new(),
            timers: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        let mut entry = escrow.entry(Operation::Create, State::Created, wanted.by.as_str(), now);
        entry.from = None;
        entry.request = wanted.request;
        entry.amount = Some(escrow.amount);
        escrow.advance(entry);
        escrow
    }

    /// Reads a document. One whose amounts or version a double cannot hold is none: no script or reader could be trusted with it.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Writes the document as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns whose the money is, by the facts.
    pub fn amounts(&self) -> Amounts {
        let held = if self.payment.authorized { self.amount } else { 0 };
        let (released, refunded) = match (self.payment.captured, self.payment.cancelled) {
            (_, true) => (0, held),
            (Some(captured), false) => {
                let given_back = self.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
                let given_back = given_back.fold(0_i64, |sum, refund| sum.saturating_add(refund.amount));
                let released = captured.saturating_sub(given_back).clamp(0, held);
                (released, held - released)
            }
            (None, false) => (0, 0),
        };
        Amounts::new(held, released, refunded).unwrap_or_default()
    }

    /// Returns the idempotency key at Stripe of the operation that makes the next version.
    pub(super) fn key(&self, operation: Operation) -> String {
        format!("{}:{operation}:{}", self.id, self.version + 1)
    }

    /// Returns the key of the job that looks whether Stripe has ended the authorisation: no call to Stripe has it.
    pub fn expiry_key(&self) -> String {
        format!("{}:{}", self.id, Operation::Expire)
    }

    /// Notes a job that the escrow caused.
    pub fn caused(&mut self, id: JobId, job_type: JobType) {
        self.jobs.push(JobRef { id, job_type });
        let surplus = self.jobs.len().saturating_sub(MAX_ENTRIES);
        self.jobs.drain(..surplus);
    }
}

/// Reads a version that has one after it which a double can still hold.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let version = u64::deserialize(deserializer)?;
    if version < MAX_MINOR_UNITS.unsigned_abs() {
        return Ok(version);
    }
    Err(D::Error::invalid_value(Unexpected::Unsigned(version), &"a version below 2^53 - 1"))
}

/// Names the escrow and where it is; never the parties or the secret.
impl fmt::Debug for Escrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Escrow")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// An escrow with an amount in every place where there can be one.
#[cfg(test)]
pub(super) const STORED: &str = r#"{"id":"esc_1","version":7,"state":"refunding","partner":"shop","amount":100,"currency":"usd",
        "buyerEmail":"b@example.com","sellerEmail":"s@example.com","description":null,"metadata":{},
        "payment":{"intentId":"pi_1","authorized":true,"captured":90},
        "refunds":[{"id":"re_1","amount":11,"status":"succeeded"}],"chargebacks":[{"id":"dp_1","amount":22,"status":"won"}],
        "pending":{"operation":"refund","from":"released","amount":33,"key":"esc_1:refund:7","request":null,"resolution":null,
            "reason":null,"by":"admin","at":0,"job":"job-1"},
        "lastFailure":null,"history":[{"version":7,"at":0,"operation":"refund","from":"released","to":"refunding","by":"admin","amount":44}],
        "jobs":[],"timers":[],"createdAt":0,"updatedAt":0}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::escrow::{ChargebackStatus, DisputeSeen, RefundSeen, Seen};

    #[test]
    fn a_document_is_read_as_it_was_written() {
        let escrow = Escrow::parse(STORED).unwrap();
        assert_eq!(Escrow::parse(&escrow.to_json()).unwrap(), escrow);
        assert_eq!((escrow.amounts().released(), escrow.amounts().refunded()), (79, 21));
    }

    #[test]
    fn a_document_with_an_amount_that_is_no_money_is_not_read() {
        for place in [
            r#""amount":100"#,
            r#""captured":90"#,
            r#""amount":11"#,
            r#""amount":22"#,
            r#""amount":33"#,
            r#""amount":44"#,
        ] {
            let (name, _) = place.split_once(':').unwrap();
            for bad in ["-1", "9007199254740992", "9223372036854775807", "1.5"] {
                let text = STORED.replace(place, &format!("{name}:{bad}"));
                assert!(Escrow::parse(&text).is_err(), "{place} as {bad}");
            }
            for good in ["0", "9007199254740991"] {
                let text = STORED.replace(place, &format!("{name}:{good}"));
                assert!(Escrow::parse(&text).is_ok(), "{place} as {good}");
            }
        }
    }

    #[test]
    fn a_document_whose_next_version_a_double_could_not_hold_is_not_read() {
        let with =
            |version: &str| Escrow::parse(&STORED.replacen(r#""version":7"#, &format!(r#""version":{version}"#), 1));
        for bad in ["9007199254740991", "18446744073709551615", "-1", "7.0"] {
            assert!(with(bad).is_err(), "{bad}");
        }
        assert_eq!(with("9007199254740990").unwrap().version, 9_007_199_254_740_990);
    }

    #[test]
    fn whatever_amounts_another_side_tells_the_next_version_can_be_read() {
        let escrow = Escrow::parse(STORED).unwrap();
        for amount in [-1, i64::MIN, i64::MAX] {
            let refund = Refund { id: "re_2".into(), amount, status: RefundStatus::Succeeded, key: None };
            let chargeback = Chargeback { id: "dp_2".into(), amount, status: ChargebackStatus::Won };
            let seen = [Seen::Refund(RefundSeen { refund }), Seen::Dispute(DisputeSeen { chargeback })];
            let next = escrow.observe(&seen, "stripe", Millis(1)).unwrap();
            assert_eq!(Escrow::parse(&next.to_json()).unwrap(), next, "{amount}");
        }
    }
}

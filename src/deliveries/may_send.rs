//! `may_send`: whether a job's recipients may be written to.

use super::{AddressHash, Deliveries, KEEP};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::JobId;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static MAY_SEND: Script = upstash_script!("may_send", "may_send.lua");

/// Whether an address may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaySend {
    /// It may.
    Yes,
    /// It is suppressed: it bounced or complained before.
    Suppressed,
    /// An earlier run of the job has sent the mail.
    Sent,
}

impl Deliveries {
    /// Tells of each recipient of a job whether it is to be written to, and notes of the suppressed that nothing was sent to them.
    /// `looks` asks whether an earlier run has sent the mail, where [`note_sent`](Self::note_sent) would have noted it.
    pub async fn may_send(
        &self,
        job: &JobId,
        recipients: &[EmailAddress],
        looks: bool,
        now: Millis,
    ) -> Result<Vec<MaySend>, UpstashError> {
        let mut args =
            vec![now.to_string().into(), KEEP.as_millis().to_string().into(), u8::from(looks).to_string().into()];
        args.extend(recipients.iter().map(|address| AddressHash::of(address).to_string().into()));
        let keys = vec![self.keys.suppressed(), self.keys.delivery(job)];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &MAY_SEND, keys, args }).await?;
        let read = |reply: Reply| match reply.text()?.as_str() {
            "send" => Ok(MaySend::Yes),
            "suppressed" => Ok(MaySend::Suppressed),
            "sent" => Ok(MaySend::Sent),
            other => Err(UpstashError::Unknown(format!("may_send answered {other:?}"))),
        };
        let answers: Vec<MaySend> = reply.array()?.into_iter().map(read).collect::<Result<_, _>>()?;
        if answers.len() != recipients.len() {
            return Err(UpstashError::Unknown("may_send: an answer is missing".into()));
        }
        Ok(answers)
    }
}

//! `audit verify`: whether the audit log is what was written.

use holdfast::workers::audit::Verified;
use serde_json::json;

use crate::failure::Failure;
use crate::session::Session;
use crate::words::number;

pub(crate) async fn verify(session: &Session) -> Result<(), Failure> {
    match session.app.audit_log()?.verify().await? {
        Verified::Intact { records, head } => {
            session.answer(&json!({"intact": true, "records": records, "head": head}), || {
                format!(
                    "intact: {} records, each bound to the one before it\nhead {head}\n\nKept elsewhere, the head proves later that nothing before it was rewritten.\n",
                    number(records)
                )
            })
        }
        Verified::Broken { stream_id, intact, reason } => {
            let document = json!({"intact": false, "records": intact, "brokenAt": stream_id, "reason": reason.to_string()});
            session.answer(&document, || {
                format!("BROKEN at {stream_id}: {reason}\n{} records before it are intact\n", number(intact))
            })?;
            Err(Failure::Found)
        }
    }
}

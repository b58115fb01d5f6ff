//! Alerts, looked at after a run of the processor.
//!
//! A look is one request more, so it is taken when the run says that there may be something, and otherwise every five
//! minutes of a process.

use std::time::Duration;

use crate::app::App;
use crate::domain::millis::Millis;
use crate::processor::BatchReport;
use crate::queue::Turn;
use crate::workers::Notice;

/// What lies between two looks of one process that nothing gave cause for. Chosen: the default age of a job that is told of.
const EVERY: Duration = Duration::from_mins(5);

/// Opens and resolves alerts, and tells operators. It never fails a run: what does not work is logged and tried again.
pub async fn look(app: &App, report: &BatchReport) {
    let now = app.clock().now();
    let cause = report.all.dead_lettered > 0 || report.more;
    // However rarely a cron calls, and at whichever minute: a process that is new has not looked yet.
    if !app.look_is_due(now, EVERY) && !cause {
        return;
    }
    let limits = match &app.config().alert {
        Ok(alert) => alert.limits,
        Err(error) => return tracing::error!(error = %error, "alerts are not looked at"),
    };
    let Ok(queue) = app.queue() else { return };
    match queue.due_alerts(&limits).await {
        Ok(turns) => {
            for turn in turns {
                turn_and_tell(app, &turn, &turn.alert.describe(&turn.seen, &limits), now).await;
            }
        }
        Err(error) => tracing::warn!(error = %error, "alerts could not be looked at"),
    }
}

async fn turn_and_tell(app: &App, turn: &Turn, detail: &str, now: Millis) {
    let (Ok(queue), Ok(workers)) = (app.queue(), app.workers()) else { return };
    let (alert, key) = (turn.alert.as_str(), format!("alert-{}", app.dice().claim_id()));
    match queue.turn_alert(turn, &key).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return tracing::warn!(alert, error = %error, "an alert could not be turned"),
    }
    if turn.opens {
        tracing::error!(alert, outcome = "opened", "alert: {detail}");
    } else {
        tracing::info!(alert, outcome = "resolved", "resolved: {detail}");
    }
    let notice = Notice { key: &key, alert, opens: turn.opens, detail, at: now };
    if let Err(failure) = workers.tell(notice).await {
        tracing::error!(alert, error = %failure, "operators could not be told; the next run tries again");
        if let Err(error) = queue.take_back_alert(turn, &key).await {
            tracing::error!(alert, error = %error, "an alert that was not told could not be taken back");
        }
    }
}

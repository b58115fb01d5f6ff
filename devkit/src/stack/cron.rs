//! The cron: calls the processor's route as Vercel Cron does, a GET with the secret.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Calls the route at `site` every so often, in a task of its own.
pub(super) fn start(
    site: &str,
    secret: String,
    every: Duration,
) -> Result<JoinHandle<()>, holdfast::outbound::OutboundError> {
    let http = holdfast::outbound::client()?;
    let url = format!("{site}/api/jobs/process");
    Ok(tokio::spawn(async move {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let call = http.get(&url).bearer_auth(&secret).header("user-agent", "vercel-cron/1.0");
            match call.send().await {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "the cron's call was refused"),
                Err(error) => tracing::warn!(%error, "the cron's call got no answer"),
            }
        }
    }))
}

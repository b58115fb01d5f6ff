//! A process of a run: one call of the cron, or the server of the routes.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use holdfast::app::App;
use holdfast::config::Config;
use holdfast::edge::{Clock, Dice};
use holdfast::http::{ROUTES, Request};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::serve::serve_on;
use crate::{fault, stack};

/// Ids a process makes at most; the checker tells by an id which process made it.
pub(super) const IDS: u64 = 100_000;

/// Pause between two batches of one process.
const BETWEEN_BATCHES_MS: u64 = 100;

/// All that a process is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Child {
    pub(super) number: u64,
    pub(super) task: Task,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) skew_ms: i64,
}

/// What a process does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// Processes batches for this long, then ends; for ever where it is nothing.
    Process { lives_ms: Option<u64> },
    /// Serves the routes on this port until it is killed.
    Serve { port: u16 },
}

/// The process.
pub(super) async fn run(child: &str) -> Result<(), Box<dyn Error>> {
    let child: Child = serde_json::from_str(child)?;
    let config = Config::from_lookup(|name| child.variables.get(name).cloned());
    let clock = if child.skew_ms == 0 { Clock::Real } else { Clock::Wrong { by_ms: child.skew_ms } };
    let dice = Dice::Counting(Arc::new(AtomicU64::new(child.number * IDS)));
    let app = App::new(config, clock, dice)?;
    tokio::select! {
        done = work(&child, app) => done,
        // Whoever started us is gone.
        _ = async { tokio::io::stdin().read(&mut [0]).await } => Ok(()),
    }
}

async fn work(child: &Child, app: App) -> Result<(), Box<dyn Error>> {
    match child.task {
        Task::Serve { port } => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            let _served = serve_on(listener, stack::routes::router(app))?;
            std::future::pending().await
        }
        Task::Process { lives_ms } => {
            let token = child.variables.get("JOB_PROCESSOR_SECRET_TOKEN").cloned().unwrap_or_default();
            let ends = lives_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
            while ends.is_none_or(|ends| Instant::now() < ends) {
                process(&app, &token).await?;
                fault::pause(BETWEEN_BATCHES_MS).await;
            }
            Ok(())
        }
    }
}

/// Calls the route as the cron's platform does.
async fn process(app: &App, token: &str) -> Result<(), Box<dyn Error>> {
    let path = "/api/jobs/process";
    let request = http::Request::post(path).header("authorization", format!("Bearer {token}"));
    let body = Bytes::from_static(br#"{"action":"process-batch","limit":5}"#);
    let request = Request::new(request.body(())?.into_parts().0, body);
    if let Some(route) = ROUTES.into_iter().find(|route| route.path == path) {
        route.call(app, request).await;
    }
    Ok(())
}

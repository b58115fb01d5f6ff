//! `process`: works off what is due, here.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use holdfast::config::{Config, ConfigError};
use holdfast::domain::job::JobType;
use holdfast::domain::limits::{MAX_CLAIM_LIMIT, MAX_TIME_BOX, SETTLE_MARGIN};
use holdfast::processor::{BatchReport, BatchRequest, TimeBox};

use crate::failure::Failure;
use crate::job_type;
use crate::progress::Progress;
use crate::session::Session;
use crate::table::{Side, Table};
use crate::words::{length, number, read_length};

#[derive(Debug, Args)]
pub(crate) struct Process {
    /// Only this type; may stand several times.
    #[arg(long = "type", value_name = "TYPE", value_parser = job_type::parser())]
    types: Vec<JobType>,
    /// Jobs of each type in one claim.
    #[arg(long, default_value_t = 50, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CLAIM_LIMIT)))]
    limit: u32,
    /// For how long at most; it ends sooner when nothing is due.
    #[arg(long = "for", value_name = "LENGTH", default_value = "50s", value_parser = read_time_box)]
    time_box: Duration,
}

fn read_time_box(text: &str) -> Result<Duration, String> {
    let length = read_length(text)?;
    let least = SETTLE_MARGIN + Duration::from_secs(2);
    if (least..=MAX_TIME_BOX).contains(&length) { Ok(length) } else { Err("expected 5s to 15m".to_owned()) }
}

/// The variable without which jobs of a type would end among the dead letters.
fn missing(config: &Config, job_type: JobType) -> Option<ConfigError> {
    match job_type {
        JobType::SendReleaseEmail
        | JobType::SendRefundEmail
        | JobType::SendDisputeEmail
        | JobType::SendPaymentConfirmedEmail
        | JobType::NotifyDisputeResolved => config.email.as_ref().err().cloned(),
        JobType::StripeCapturePayment | JobType::StripeRefundPayment => config.stripe.as_ref().err().cloned(),
        // A partner has endpoints of its own, or none; where the variables are set, they are to be right.
        JobType::WebhookEscrowStatusChanged => match &config.webhook {
            Err(error @ ConfigError::Malformed { .. }) => Some(error.clone()),
            _ => None,
        },
        JobType::AuditLogCreated => None,
    }
}

/// Returns the types to process, all where none is named.
///
/// # Errors
/// Where one lacks what its jobs need: they would die for it.
pub(crate) fn checked(types: Vec<JobType>, config: &Config) -> Result<Vec<JobType>, Failure> {
    let types = if types.is_empty() { JobType::ALL.to_vec() } else { types };
    for job_type in &types {
        if let Some(error) = missing(config, *job_type) {
            let why = format!("{error}, so {job_type} would end among the dead letters");
            return Err(Failure::Configuration(format!("{why}; nothing was claimed. --type names what to process")));
        }
    }
    Ok(types)
}

impl Process {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let types = checked(self.types, session.app.config())?;
        let (processor, workers) = (session.app.processor()?, session.app.workers()?);
        let stats = session.queue()?.stats().await?;
        let ready = types.iter().filter_map(|job_type| stats.ready.get(job_type)).sum();
        let progress = RefCell::new(Progress::new(session.json, "processed", ready));
        let (tell, told) = mpsc::channel();
        let batch = BatchRequest { types, limit: self.limit, time_box: TimeBox::of(self.time_box), until_empty: true };
        let run = processor.process_batch(&batch, move |attempt, document, payload| {
            let (workers, tell) = (workers.clone(), tell.clone());
            async move {
                let outcome = workers.handle(attempt, document, payload).await;
                let _ = tell.send(());
                outcome
            }
        });
        let count = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            loop {
                ticks.tick().await;
                progress.borrow_mut().add(u64::try_from(told.try_iter().count()).unwrap_or(0));
            }
        };
        let report = tokio::select! {
            report = run => report?,
            () = count => return Ok(()),
        };
        progress.borrow().end();
        session.answer(&serde_json::to_value(&report).unwrap_or_default(), || text(&report))
    }
}

fn text(report: &BatchReport) -> String {
    let sums = report.all;
    let took = length(Duration::from_millis(report.duration_ms));
    if sums.processed + sums.released == 0 {
        return format!("nothing was due; looked for {took}\n");
    }
    let columns = ["processed", "completed", "retried", "dead", "released"].map(|name| (name, Side::Right));
    let mut table = Table::new(&[&[("type", Side::Left)], &columns[..]].concat());
    let all = [("all".to_owned(), sums)];
    let by_type = report.by_type.iter().map(|(job_type, sums)| (job_type.to_string(), *sums));
    for (name, sums) in by_type.chain(all) {
        let cells = [sums.processed, sums.completed, sums.retried, sums.dead_lettered, sums.released].map(number);
        table.row([name].into_iter().chain(cells));
    }
    let mut text = table.text();
    let left = if report.more { "; more is due" } else { "; nothing more is due" };
    let _ = writeln!(text, "\ntook {took}{left}");
    text
}

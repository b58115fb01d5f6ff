//! `process_batch`: claim, run, settle, again, until nothing is due or the time box ends.

use tokio::time::Instant;

use super::report::BatchReport;
use super::round::{Ended, Round};
use super::stop::Stop;
use super::time_box::TimeBox;
use crate::domain::job::{JobDocument, JobType, Payload};
use crate::domain::limits::SETTLE_EVERY;
use crate::domain::outcome::Outcome;
use crate::edge::Dice;
use crate::queue::{ClaimRequest, Claimed, Queue, Settled, Settlement};
use crate::upstash::UpstashError;

/// What does a job: attempt, document and payload in, outcome out.
///
/// It may be dropped half-way when the time is over, and run again later.
pub trait Handler: Fn(u32, JobDocument, Payload) -> Self::Run + Clone + Send + 'static {
    /// One run.
    type Run: Future<Output = Outcome> + Send;
}

impl<F, R> Handler for F
where
    F: Fn(u32, JobDocument, Payload) -> R + Clone + Send + 'static,
    R: Future<Output = Outcome> + Send,
{
    type Run = R;
}

/// What one run is to work off.
#[derive(Clone, Debug)]
pub struct BatchRequest {
    /// The types; they share each claim and take turns.
    pub types: Vec<JobType>,
    /// Jobs of each type in one claim.
    pub limit: u32,
    /// Until when.
    pub time_box: TimeBox,
    /// Whether to go on after the first claim.
    pub until_empty: bool,
}

/// A processor of one queue.
#[derive(Clone, Debug)]
pub struct Processor {
    queue: Queue,
    dice: Dice,
    stop: Stop,
}

impl Processor {
    /// Makes a processor.
    pub fn new(queue: Queue, dice: Dice) -> Self {
        Self { queue, dice, stop: Stop::default() }
    }

    /// Makes it end early when `stop` is told: it claims no more, gives back what has not started, and lets handlers end for as long as
    /// their grace lasts.
    #[must_use]
    pub fn stopped_by(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Works off what is due, with `handler`, inside the time box.
    ///
    /// # Guarantees
    /// No job is run while another processor's lease on it holds. A handler that panics, hangs or fails is a failure of its job
    /// alone. What was not started costs no attempt.
    ///
    /// # Errors
    /// When Redis cannot be reached: with [`UpstashError::Unknown`] once jobs were run. Jobs held then return when their leases lapse;
    /// those that were done may be done again.
    pub async fn process_batch(
        &self,
        request: &BatchRequest,
        handler: impl Handler,
    ) -> Result<BatchReport, UpstashError> {
        let mut report = BatchReport::default();
        let time_box = request.time_box;
        if self.stop.told().is_some() {
            return Ok(report);
        }
        let mut claimed = self.queue.claim(&self.claim_request(request)).await?;
        loop {
            self.recover(&mut claimed).await;
            report.more = claimed.more;
            let more = claimed.more;
            if claimed.jobs.is_empty() && !more {
                break;
            }
            let mut round = Round::new(claimed, time_box, self.stop.clone());
            let again = self.run(&mut round, &handler, &mut report).await? && request.until_empty;
            let verdicts = round.take_verdicts();
            let settlements = settlements(&round, &verdicts);
            if !again {
                let settled = self.settle(&settlements).await?;
                count(&mut report, &verdicts, &settled);
                break;
            }
            let next = self.claim_request(request);
            let both = self.queue.settle_and_claim(&settlements, &next).await;
            let (settled, next) = both.map_err(UpstashError::after_a_part)?;
            count(&mut report, &verdicts, &settled);
            claimed = next;
        }
        if report.all.processed > 0 {
            self.queue.measures().add_duration("batch:d", time_box.elapsed());
        }
        report.duration_ms = u64::try_from(time_box.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    /// Brings back the dead letters that the claim named; then there is more. Where Redis does not answer they are named again later, and
    /// the jobs at hand are not left for their sake.
    async fn recover(&self, claimed: &mut Claimed) {
        match self.queue.recover(&claimed.coming_back, claimed.now).await {
            Ok(recovered) => {
                for (job_type, jobs) in recovered.back {
                    claimed.more = true;
                    tracing::info!(queue = %job_type, jobs, outcome = "recovered", "{jobs} dead letters of {job_type} came back by themselves");
                }
                for (job_type, jobs) in recovered.stopped {
                    tracing::warn!(queue = %job_type, jobs, outcome = "recovery_stopped", "recovery of {job_type} has stopped: what came back kept dying; {jobs} dead letters wait");
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "dead letters could not be brought back; they will be tried again");
            }
        }
    }

    /// Runs a round to its end, or the end of work, settling what is done every second. Tells whether there is room for another.
    async fn run(
        &self,
        round: &mut Round,
        handler: &impl Handler,
        report: &mut BatchReport,
    ) -> Result<bool, UpstashError> {
        loop {
            round.run(handler, Instant::now() + SETTLE_EVERY).await;
            if round.is_over() {
                return Ok(round.has_room());
            }
            if round.work_is_over() {
                round.close();
                report.more = true;
                return Ok(false);
            }
            if round.is_closing() {
                report.more |= round.has_waiting();
                round.give_back();
            }
            let verdicts = round.take_verdicts();
            if !verdicts.is_empty() {
                let settled = self.settle(&settlements(round, &verdicts)).await?;
                count(report, &verdicts, &settled);
            }
        }
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>, UpstashError> {
        self.queue.settle(settlements).await.map_err(UpstashError::after_a_part)
    }

    fn claim_request(&self, request: &BatchRequest) -> ClaimRequest {
        ClaimRequest {
            id: self.dice.claim_id(),
            types: request.types.clone(),
            limit: request.limit,
            lease: request.time_box.lease(),
        }
    }
}

fn settlements(round: &Round, verdicts: &[Ended]) -> Vec<Settlement> {
    let now = round.now();
    let of = |ended: &Ended| {
        let settlement = Settlement::new(&ended.job, ended.verdict.clone(), now);
        settlement.measured(&ended.job, round.claimed_at(), ended.ran, now)
    };
    verdicts.iter().map(of).collect()
}

/// Counts the verdicts that hold, and logs the others: their jobs belong to someone else now.
fn count(report: &mut BatchReport, verdicts: &[Ended], settled: &[Settled]) {
    for (Ended { job, verdict, .. }, settled) in verdicts.iter().zip(settled) {
        match settled {
            Settled::Done => report.count(job.job_type, verdict),
            Settled::LeaseLost => {
                let (id, attempt) = (&job.id, job.attempt);
                tracing::warn!(job.id = %id, queue = %job.job_type, attempt, outcome = "lease_lost", "job {id} ended after its lease: the result counts for nothing");
            }
        }
    }
}

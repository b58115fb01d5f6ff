//! Which metrics there are, and where each is taken from.

use std::collections::BTreeMap;
use std::time::Duration;

use super::text::{Kind, Text};
use crate::domain::histogram::BOUNDS_MS;
use crate::domain::job::JobType;
use crate::domain::limits::MAX_RECOVERED_DEATHS;
use crate::queue::{ControlView, QueueStats};

/// What happens to jobs: the event's name in the counters, the metric, and what it says.
const EVENTS: [(&str, &str, &str); 14] = [
    ("enqueued", "holdfast_jobs_enqueued", "Jobs stored."),
    ("duplicate", "holdfast_jobs_duplicate", "Jobs not stored, because another held their dedupe key."),
    ("completed", "holdfast_jobs_completed", "Jobs done."),
    ("retried", "holdfast_jobs_retried", "Attempts that failed and were followed by another."),
    ("dead", "holdfast_jobs_dead", "Jobs that became dead letters."),
    ("released", "holdfast_jobs_released", "Jobs given back untried."),
    ("lapsed", "holdfast_jobs_lapsed", "Leases that lapsed: the processor was killed or too slow."),
    ("repeated", "holdfast_jobs_repeated", "Entries of a queue whose job was held or over."),
    ("no_document", "holdfast_jobs_without_document", "Entries of a queue without a document."),
    ("cancelled", "holdfast_jobs_cancelled", "Jobs taken back."),
    ("redriven", "holdfast_dead_letters_redriven", "Dead letters brought back by hand."),
    ("recovered", "holdfast_dead_letters_recovered", "Dead letters that came back by themselves."),
    ("discarded", "holdfast_dead_letters_discarded", "Dead letters thrown away."),
    ("edited", "holdfast_dead_letters_edited", "Dead letters given another payload."),
];

const HISTOGRAMS: [(&str, &str, &str); 3] = [
    ("d", "holdfast_job_duration_seconds", "How long handlers ran."),
    ("w", "holdfast_job_wait_seconds", "How long jobs waited from when they were due until they were claimed."),
    ("e", "holdfast_job_end_to_end_seconds", "How long it took from a job's creation to its completion."),
];

/// What is sent out: the name in the measures, the metric, and what it says.
const DELIVERIES: [(&str, &str, &str); 3] = [
    ("webhook", "holdfast_webhook_deliveries", "Webhooks sent, by what the partner's server said."),
    ("mail", "holdfast_mail_deliveries", "Mails handed to the provider, by what it said; suppressed ones were not."),
    ("mail_event", "holdfast_mail_events", "What the provider told of mails afterwards, each event once."),
];

/// Everything that is counted, at one moment.
pub(super) struct Snapshot {
    pub(super) measured: BTreeMap<String, u64>,
    pub(super) stats: QueueStats,
    pub(super) control: ControlView,
    pub(super) oldest_due: Option<Duration>,
}

impl Snapshot {
    /// Writes all families.
    pub(super) fn write(&self, text: &mut Text) {
        self.write_events(text);
        self.write_gauges(text);
        self.write_histograms(text);
        self.write_process(text);
    }

    fn write_events(&self, text: &mut Text) {
        let counters = &self.stats.counters;
        for (event, name, help) in EVENTS {
            let mut family = text.family(name, Kind::Counter, help);
            for job_type in JobType::ALL {
                let count = counters.get(&format!("{job_type}:{event}")).copied().unwrap_or(0);
                family.sample(&of_type(job_type), count);
            }
        }
        let expired = counters.get("dead_letter:expired").copied().unwrap_or(0);
        text.family("holdfast_dead_letters_expired", Kind::Counter, "Dead letters whose time was over.")
            .sample("", expired);
    }

    fn write_gauges(&self, text: &mut Text) {
        let stats = &self.stats;
        let mut family = text.family("holdfast_queue_jobs", Kind::Gauge, "Jobs ready to be claimed.");
        for (job_type, jobs) in &stats.ready {
            family.sample(&of_type(*job_type), *jobs);
        }
        let mut family = text.family("holdfast_leased_jobs", Kind::Gauge, "Jobs held under a lease.");
        for job_type in JobType::ALL {
            family.sample(&of_type(job_type), stats.in_flight.get(&job_type).copied().unwrap_or(0));
        }
        let waiting = "Jobs that wait for their time: delayed, or for the next attempt.";
        text.family("holdfast_waiting_jobs", Kind::Gauge, waiting).sample("", stats.waiting);
        text.family("holdfast_dead_letters", Kind::Gauge, "Dead letters.").sample("", stats.dead_letters);
        let oldest = "How long the job that has been due longest has been so; 0 where none is.";
        let age = self.oldest_due.unwrap_or_default();
        text.family("holdfast_oldest_due_age_seconds", Kind::Gauge, oldest).seconds("", age);
        let mut family = text.family("holdfast_queue_paused", Kind::Gauge, "1 where the type is paused.");
        for job_type in JobType::ALL {
            let paused = self.control.rules.types.get(&job_type).is_some_and(|rules| rules.paused);
            family.sample(&of_type(job_type), u64::from(paused || self.control.rules.paused));
        }
        let stopped = "1 where no dead letter comes back by itself, because those that did kept dying.";
        let mut family = text.family("holdfast_recovery_stopped", Kind::Gauge, stopped);
        for job_type in JobType::ALL {
            let died = self.control.died_again.get(&job_type).copied().unwrap_or(0);
            family.sample(&of_type(job_type), u64::from(died >= MAX_RECOVERED_DEATHS));
        }
    }

    fn write_histograms(&self, text: &mut Text) {
        for (letter, name, help) in HISTOGRAMS {
            let mut family = text.family(name, Kind::Histogram, help);
            for job_type in JobType::ALL {
                let (counts, sum_ms) = self.histogram(&format!("{job_type}:{letter}"));
                family.histogram(&of_type(job_type), &counts, sum_ms);
            }
        }
        let (counts, sum_ms) = self.histogram("batch:d");
        let help = "How long runs of the processor took that found something to do.";
        text.family("holdfast_batch_duration_seconds", Kind::Histogram, help).histogram("", &counts, sum_ms);
    }

    fn write_process(&self, text: &mut Text) {
        let sum = |field: &str| self.measured.get(field).copied().unwrap_or(0);
        for (field, name, help) in [
            ("upstash:calls", "holdfast_upstash_calls", "HTTP requests of processors to Upstash."),
            ("upstash:scripts", "holdfast_upstash_scripts", "Scripts in these requests; each runs several commands."),
            ("upstash:errors", "holdfast_upstash_errors", "Tries of a request that gave no result."),
        ] {
            text.family(name, Kind::Counter, help).sample("", sum(field));
        }
        for (of, name, help) in DELIVERIES {
            let mut family = text.family(name, Kind::Counter, help);
            let start = format!("{of}:");
            for (field, count) in
                self.measured.range(start.clone()..).take_while(|(field, _)| field.starts_with(&start))
            {
                family.sample(&format!("outcome=\"{}\"", &field[start.len()..]), *count);
            }
        }
    }

    fn histogram(&self, of: &str) -> (Vec<u64>, u64) {
        let field = |what: &str| self.measured.get(&format!("{of}:{what}")).copied().unwrap_or(0);
        ((0..=BOUNDS_MS.len()).map(|bucket| field(&bucket.to_string())).collect(), field("sum"))
    }
}

fn of_type(job_type: JobType) -> String {
    format!("type=\"{job_type}\"")
}

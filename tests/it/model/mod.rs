//! Random operations against the queue and a plain-Rust model of it; after each, everything in Redis is compared.

mod queue_model;

use std::time::Duration;

use holdfast::domain::control::{Rule, Scope};
use holdfast::domain::id::{DedupeKey, JobId};
use holdfast::domain::job::{Due, JobOptions, JobType};
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{Cancelled, Change, Changed, ClaimedJob, DeadLetter, Enqueued, Settled, Verdict};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::bench::{Bench, LEASE, failure};
use queue_model::{Ending, Model};

const TYPES: [JobType; 2] = [JobType::AuditLogCreated, JobType::SendDisputeEmail];

#[derive(Clone, Debug)]
enum Step {
    Enqueue { job_type: usize, delay_ms: u64, dedupe: Option<u8> },
    Claim { limit: u32, types: usize },
    Settle { claimed: prop::sample::Index, ending: Ending },
    Advance { ms: u64 },
    Cancel { job: prop::sample::Index },
    Repeat { job: prop::sample::Index },
    Redrive { job: prop::sample::Index },
    Discard { job: prop::sample::Index },
    Pause { job_type: usize, paused: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![3 => Just(0_u64), 1 => 1_u64..10_000];
    let ending = prop_oneof![
        3 => Just(Ending::Complete),
        2 => (0_u64..5_000).prop_map(|wait_ms| Ending::Retry { wait_ms }),
        2 => any::<bool>().prop_map(|for_good| Ending::Bury { for_good }),
        2 => Just(Ending::Release { wait_ms: None }),
        1 => (1_u64..5_000).prop_map(|wait_ms| Ending::Release { wait_ms: Some(wait_ms) }),
    ];
    let advance =
        prop_oneof![3 => 0_u64..3_000, 1 => Just(60_000_u64), 1 => Just(1_200_000_u64), 1 => Just(7 * 86_400_000_u64)];
    prop_oneof![
        4 => (0..TYPES.len(), delay, prop::option::weighted(0.3, 0_u8..3))
            .prop_map(|(job_type, delay_ms, dedupe)| Step::Enqueue { job_type, delay_ms, dedupe }),
        4 => (1_u32..4, 1_usize..=2).prop_map(|(limit, types)| Step::Claim { limit, types }),
        5 => (any::<prop::sample::Index>(), ending).prop_map(|(claimed, ending)| Step::Settle { claimed, ending }),
        2 => advance.prop_map(|ms| Step::Advance { ms }),
        1 => any::<prop::sample::Index>().prop_map(|job| Step::Cancel { job }),
        1 => any::<prop::sample::Index>().prop_map(|job| Step::Repeat { job }),
        2 => any::<prop::sample::Index>().prop_map(|job| Step::Redrive { job }),
        1 => any::<prop::sample::Index>().prop_map(|job| Step::Discard { job }),
        1 => (0..TYPES.len(), any::<bool>()).prop_map(|(job_type, paused)| Step::Pause { job_type, paused }),
    ]
}

/// One run: the bench, the model, every claim ever given and every id ever made.
struct Run {
    bench: Bench,
    model: Model,
    claims: Vec<ClaimedJob>,
    ids: Vec<(JobType, JobId)>,
}

impl Run {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Enqueue { job_type, delay_ms, dedupe } => self.enqueue(TYPES[job_type], delay_ms, dedupe).await,
            Step::Claim { limit, types } => self.claim(limit, &TYPES[..types]).await,
            Step::Settle { claimed, ending } if !self.claims.is_empty() => {
                let job = claimed.get(&self.claims).clone();
                self.settle(&job, ending).await;
            }
            Step::Advance { ms } => {
                self.bench.advance(Duration::from_millis(ms));
                self.model.now += i64::try_from(ms).unwrap();
            }
            Step::Cancel { job } if !self.ids.is_empty() => {
                let (_, id) = job.get(&self.ids).clone();
                let cancelled = self.bench.queue.cancel(&id).await.unwrap() == Cancelled::Done;
                assert_eq!(cancelled, self.model.cancel(id.as_str()), "cancel {id}");
            }
            Step::Repeat { job } if !self.ids.is_empty() => {
                // Another producer pushes an id a second time.
                let (job_type, id) = job.get(&self.ids).clone();
                let queue = format!("{}queue:{job_type}", self.bench.prefix);
                self.bench.redis(&["RPUSH", &queue, id.as_str()]).await;
                self.model.push_again(job_type, id.as_str());
            }
            Step::Redrive { job } if !self.ids.is_empty() => {
                let letters = self.letters(&job).await;
                let change = Change { whole: true, record: None };
                let done = self.bench.queue.redrive(&letters, &change).await.unwrap() == [Changed::Done];
                assert_eq!(done, self.model.redrive(job.get(&self.ids).1.as_str()), "redrive");
            }
            Step::Discard { job } if !self.ids.is_empty() => {
                let letters = self.letters(&job).await;
                let change = Change { whole: true, record: None };
                let done = self.bench.queue.discard(&letters, &change).await.unwrap() == [Changed::Done];
                assert_eq!(done, self.model.discard(job.get(&self.ids).1.as_str()), "discard");
            }
            Step::Pause { job_type, paused } => self.pause(TYPES[job_type], paused).await,
            _ => {}
        }
        self.model.compare(&self.bench.state().await);
    }

    async fn enqueue(&mut self, job_type: JobType, delay_ms: u64, dedupe: Option<u8>) {
        let options = JobOptions {
            dedupe_key: dedupe.map(|key| DedupeKey::parse(format!("k{key}")).unwrap()),
            due: if delay_ms == 0 { Due::Now } else { Due::After(Duration::from_millis(delay_ms)) },
            ..JobOptions::default()
        };
        let payload = match job_type {
            JobType::AuditLogCreated => r#"{"eventData":{}}"#,
            _ => r#"{"transactionId":"e","recipientEmail":"a@b"}"#,
        };
        let job = self.bench.job(job_type, payload, options);
        let id = job.document.id.clone();
        let enqueued = self.bench.queue.enqueue(&[job]).await.unwrap().remove(0);
        let holder = self.model.enqueue(job_type, id.as_str(), delay_ms, dedupe);
        match enqueued {
            Enqueued::New(new) => {
                assert_eq!((&new, holder), (&id, None));
                self.ids.push((job_type, id));
            }
            Enqueued::Duplicate(first) => assert_eq!(Some(first.as_str()), holder.as_deref()),
        }
    }

    /// The job, where it is a dead letter.
    async fn letters(&self, job: &prop::sample::Index) -> Vec<DeadLetter> {
        let (_, id) = job.get(&self.ids);
        self.bench.queue.dead_letters_of(std::slice::from_ref(id)).await.unwrap().into_iter().flatten().collect()
    }

    async fn pause(&mut self, job_type: JobType, paused: bool) {
        self.bench
            .queue
            .set_rules(&[Rule::Paused(Scope::Type(job_type), paused)], &self.bench.recorder())
            .await
            .unwrap();
        let records = self.bench.at("queue:audit_log_created").await;
        let id = JobId::parse(records.as_array().unwrap().last().unwrap().as_str().unwrap()).unwrap();
        self.model.enqueue(JobType::AuditLogCreated, id.as_str(), 0, None);
        self.model.pause(job_type, paused);
        self.ids.push((JobType::AuditLogCreated, id));
    }

    async fn claim(&mut self, limit: u32, types: &[JobType]) {
        let mut request = self.bench.request(limit);
        request.types = types.to_vec();
        let claimed = self.bench.queue.claim(&request).await.unwrap();
        let (expected, coming_back) = self.model.claim(request.id.as_str(), limit as usize, types);
        let got: Vec<_> = claimed.jobs.iter().map(|job| (job.id.to_string(), job.attempt)).collect();
        assert_eq!(got, expected, "claimed");
        let named: Vec<_> = claimed.coming_back.iter().map(ToString::to_string).collect();
        assert_eq!(named, coming_back, "coming back");
        self.bench.queue.recover(&claimed.coming_back, claimed.now).await.unwrap();
        self.model.recover(&coming_back);
        self.claims.extend(claimed.jobs);
    }

    async fn settle(&mut self, job: &ClaimedJob, ending: Ending) {
        let now = self.bench.clock.now();
        let later = |ms| now.plus(Duration::from_millis(ms));
        let verdict = match ending {
            Ending::Complete => Verdict::Complete,
            Ending::Retry { wait_ms } => Verdict::Retry { failure: failure(FailureKind::Timeout), at: later(wait_ms) },
            Ending::Bury { for_good: true } => Verdict::Bury(failure(FailureKind::Rejected)),
            Ending::Bury { for_good: false } => Verdict::Bury(failure(FailureKind::Unavailable)),
            Ending::Release { wait_ms } => Verdict::Release(wait_ms.map(later)),
        };
        let settled = self.bench.settle(job, verdict).await;
        let holds = self.model.settle(job.id.as_str(), job.claim.as_str(), ending);
        // A stale verdict may look like a repeat of one that counted; what matters is that it changes nothing.
        assert!(!holds || settled == Settled::Done, "{ending:?} of {} by its holder", job.id);
    }
}

#[test]
fn any_sequence_of_operations_leaves_what_the_model_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = 48;
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec(step(), 1..40);
    let outcome = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let bench = Bench::new().await;
            let model = Model::new(bench.clock.now().0, i64::try_from(LEASE.as_millis()).unwrap());
            let mut run = Run { bench, model, claims: Vec::new(), ids: Vec::new() };
            for step in steps {
                run.take(step).await;
            }
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

//! The queue as a few plain collections, with the same rules and none of the scripts.

use std::collections::{BTreeMap, BTreeSet};

use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use holdfast::domain::recovery;
use serde_json::{Value, json};

const WEEK_MS: i64 = 7 * 86_400_000;

/// How a claim ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Complete,
    Retry { wait_ms: u64 },
    Bury { for_good: bool },
    Release { wait_ms: Option<u64> },
}

#[derive(Clone, Debug)]
struct Job {
    of: JobType,
    /// What the document says; the others follow from the structures.
    written: &'static str,
    begun: u32,
    holder: Option<String>,
    recoveries: u32,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) now: i64,
    lease_ms: i64,
    jobs: BTreeMap<String, Job>,
    ready: BTreeMap<JobType, Vec<String>>,
    timers: BTreeMap<String, i64>,
    dead: BTreeMap<String, i64>,
    dedupe: BTreeMap<(JobType, u8), String>,
    dedupe_of: BTreeMap<String, u8>,
    paused: BTreeSet<JobType>,
    died_again: BTreeMap<JobType, u32>,
}

impl Model {
    pub(super) fn new(now: i64, lease_ms: i64) -> Self {
        Self { now, lease_ms, ..Self::default() }
    }

    /// Returns the job that holds the dedupe key, if one does.
    pub(super) fn enqueue(&mut self, job_type: JobType, id: &str, delay_ms: u64, dedupe: Option<u8>) -> Option<String> {
        if let Some(key) = dedupe {
            if let Some(holder) = self.dedupe.get(&(job_type, key)) {
                return Some(holder.clone());
            }
            self.dedupe.insert((job_type, key), id.to_owned());
            self.dedupe_of.insert(id.to_owned(), key);
        }
        let written = if delay_ms == 0 { "pending" } else { "scheduled" };
        self.jobs.insert(id.to_owned(), Job { of: job_type, written, begun: 0, holder: None, recoveries: 0 });
        if delay_ms == 0 {
            self.ready.entry(job_type).or_default().push(id.to_owned());
        } else {
            self.timers.insert(timer(job_type, id), self.now + i64::try_from(delay_ms).unwrap());
        }
        None
    }

    pub(super) fn push_again(&mut self, job_type: JobType, id: &str) {
        self.ready.entry(job_type).or_default().push(id.to_owned());
    }

    pub(super) fn pause(&mut self, job_type: JobType, paused: bool) {
        if paused {
            self.paused.insert(job_type);
        } else {
            self.paused.remove(&job_type);
        }
    }

    /// Returns whether the dead letter was brought back.
    pub(super) fn redrive(&mut self, id: &str) -> bool {
        self.bring_back(id, |_| 0)
    }

    /// Brings back the dead letters whose time has come, but of the types whose recovered jobs died again too often.
    pub(super) fn recover(&mut self, ids: &[String]) {
        let mut back: BTreeMap<JobType, Vec<&String>> = BTreeMap::new();
        for id in ids {
            let job = &self.jobs[id];
            let stopped = self.died_again.get(&job.of).is_some_and(|times| *times >= 5);
            if stopped && job.written == "dead_letter" && self.dead.contains_key(id) {
                let at = (self.now + 3_600_000).min(self.dead[id] + WEEK_MS);
                self.timers.insert(format!("dead_letter/{id}"), at);
            } else if !stopped {
                back.entry(job.of).or_default().push(id);
            }
        }
        for id in back.into_values().flatten() {
            self.bring_back(id, |recoveries| recoveries + 1);
        }
    }

    fn bring_back(&mut self, id: &str, recoveries: impl Fn(u32) -> u32) -> bool {
        let job = self.jobs.get_mut(id).unwrap();
        if job.written != "dead_letter" || job.holder.is_some() || self.dead.remove(id).is_none() {
            return false;
        }
        job.written = "pending";
        job.begun = 0;
        job.recoveries = recoveries(job.recoveries);
        self.timers.remove(&format!("dead_letter/{id}"));
        self.ready.entry(job.of).or_default().push(id.to_owned());
        true
    }

    /// Returns whether the dead letter was thrown away.
    pub(super) fn discard(&mut self, id: &str) -> bool {
        let job = self.jobs.get_mut(id).unwrap();
        if job.written != "dead_letter" || job.holder.is_some() || self.dead.remove(id).is_none() {
            return false;
        }
        job.written = "cancelled";
        job.begun = 0;
        self.timers.remove(&format!("dead_letter/{id}"));
        if let Some(key) = self.dedupe_of.remove(id) {
            self.dedupe.remove(&(job.of, key));
        }
        true
    }

    /// Returns the dead letters that come back by themselves.
    fn sweep(&mut self) -> Vec<String> {
        let mut coming_back = Vec::new();
        let mut due: Vec<(i64, String)> =
            self.timers.iter().filter(|(_, at)| **at <= self.now).map(|(timer, at)| (*at, timer.clone())).collect();
        due.sort();
        for (_, timer) in due {
            self.timers.remove(&timer);
            let (name, id) = timer.split_once('/').unwrap();
            match name.parse::<JobType>() {
                Ok(job_type) => {
                    self.jobs.get_mut(id).unwrap().holder = None;
                    self.ready.entry(job_type).or_default().push(id.to_owned());
                }
                Err(_) => match self.dead.get(id).map(|died_at| died_at + WEEK_MS) {
                    Some(ends) if ends > self.now => {
                        self.timers.insert(timer.clone(), ends.min(self.now + self.lease_ms));
                        coming_back.push(id.to_owned());
                    }
                    _ => drop(self.dead.remove(id)),
                },
            }
        }
        coming_back
    }

    /// Returns the jobs given, with their attempts, and the dead letters that come back by themselves.
    pub(super) fn claim(&mut self, claim: &str, limit: usize, types: &[JobType]) -> (Vec<(String, u32)>, Vec<String>) {
        let coming_back = self.sweep();
        let mut turns = Vec::new();
        for job_type in types.iter().filter(|job_type| !self.paused.contains(job_type)) {
            let queue = self.ready.entry(*job_type).or_default();
            let popped = queue.drain(..limit.min(queue.len()));
            turns.extend(popped.enumerate().map(|(turn, id)| (turn, *job_type, id)));
        }
        turns.sort_by_key(|(turn, ..)| *turn);
        let mut given = Vec::new();
        let mut seen = BTreeSet::new();
        for (_, job_type, id) in turns {
            let job = self.jobs.get_mut(&id).unwrap();
            if !seen.insert(id.clone()) || job.holder.is_some() {
                continue;
            }
            job.begun += 1;
            job.holder = Some(claim.to_owned());
            self.timers.insert(timer(job_type, &id), self.now + self.lease_ms);
            given.push((id, job.begun));
        }
        (given, coming_back)
    }

    /// Returns whether the claim holds the job, and then applies the ending.
    pub(super) fn settle(&mut self, id: &str, claim: &str, ending: Ending) -> bool {
        let job = self.jobs.get_mut(id).unwrap();
        if job.holder.as_deref() != Some(claim) {
            return false;
        }
        job.holder = None;
        let own = timer(job.of, id);
        let later = |ms: u64| self.now + i64::try_from(ms).unwrap();
        match ending {
            Ending::Complete => {
                self.died_again.remove(&job.of);
                job.written = "completed";
                job.begun = 0;
                self.timers.remove(&own);
            }
            Ending::Retry { wait_ms } => {
                job.written = "failed";
                self.timers.insert(own, later(wait_ms));
            }
            Ending::Bury { for_good } => {
                job.written = "dead_letter";
                job.begun = 0;
                self.timers.remove(&own);
                if job.recoveries > 0 {
                    *self.died_again.entry(job.of).or_default() += 1;
                }
                let wait = recovery::wait(job.recoveries, &JobId::parse(id).unwrap()).filter(|_| !for_good);
                let wait_ms = wait.map_or(WEEK_MS, |wait| i64::try_from(wait.as_millis()).unwrap());
                self.timers.insert(format!("dead_letter/{id}"), self.now + wait_ms);
                self.dead.insert(id.to_owned(), self.now);
            }
            Ending::Release { wait_ms } => {
                job.begun -= 1;
                let job_type = job.of;
                if let Some(ms) = wait_ms {
                    self.timers.insert(own, later(ms));
                } else {
                    self.timers.remove(&own);
                    self.ready.entry(job_type).or_default().insert(0, id.to_owned());
                }
            }
        }
        true
    }

    /// Returns whether the job could be cancelled.
    pub(super) fn cancel(&mut self, id: &str) -> bool {
        let job = self.jobs.get_mut(id).unwrap();
        match job.written {
            "cancelled" => return true,
            "completed" | "dead_letter" => return false,
            _ if job.holder.is_some() => return false,
            _ => {}
        }
        job.written = "cancelled";
        job.begun = 0;
        let job_type = job.of;
        self.timers.remove(&timer(job_type, id));
        self.ready.entry(job_type).or_default().retain(|ready| ready != id);
        if let Some(key) = self.dedupe_of.remove(id) {
            self.dedupe.remove(&(job_type, key));
        }
        true
    }

    /// Compares everything but counters and claim records, which the other tests look at.
    pub(super) fn compare(&self, state: &BTreeMap<String, Value>) {
        for (job_type, ids) in &self.ready {
            let expected = if ids.is_empty() { Value::Null } else { json!(ids) };
            assert_eq!(state.get(&format!("queue:{job_type}")).unwrap_or(&Value::Null), &expected, "ready {job_type}");
        }
        let texts = |scores: &BTreeMap<String, i64>| {
            scores.iter().map(|(id, at)| (id.clone(), at.to_string())).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(read(state, "queue:timers"), json!(texts(&self.timers)), "timers");
        assert_eq!(read(state, "queue:dead_letter"), json!(texts(&self.dead)), "dead letters");
        assert_eq!(read(state, "queue:recovery"), json!(counted(&self.died_again)), "died again");
        let mut attempts = BTreeMap::new();
        let mut held: BTreeMap<JobType, u32> = BTreeMap::new();
        for (id, job) in &self.jobs {
            match &job.holder {
                Some(claim) => {
                    attempts.insert(id, format!("{} {claim}", job.begun));
                    *held.entry(job.of).or_default() += 1;
                }
                None if job.begun > 0 => drop(attempts.insert(id, job.begun.to_string())),
                None => {}
            }
            let document: Value = serde_json::from_str(state[&format!("job:{id}")].as_str().unwrap()).unwrap();
            assert_eq!(document["status"], job.written, "status of {id}");
        }
        assert_eq!(read(state, "queue:attempts"), json!(attempts), "attempts");
        let mut counted = read(state, "queue:in_flight");
        counted.as_object_mut().unwrap().retain(|_, count| count != "0");
        let held: BTreeMap<JobType, String> = held.into_iter().map(|(job_type, n)| (job_type, n.to_string())).collect();
        assert_eq!(counted, json!(held), "in flight");
    }
}

fn counted(times: &BTreeMap<JobType, u32>) -> BTreeMap<JobType, String> {
    times.iter().map(|(job_type, times)| (*job_type, times.to_string())).collect()
}

fn timer(job_type: JobType, id: &str) -> String {
    format!("{job_type}/{id}")
}

fn read(state: &BTreeMap<String, Value>, key: &str) -> Value {
    state.get(key).cloned().unwrap_or_else(|| json!({}))
}

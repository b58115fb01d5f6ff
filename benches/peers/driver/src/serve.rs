//! The loop that reads wishes and answers them.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::wish::Wish;
use crate::{Done, Look, Outcome, Peer};

/// A queue that is open, and its worker where it runs.
struct Open<P> {
    peer: P,
    done: Arc<Done>,
    worker: Option<JoinHandle<Outcome<()>>>,
    started: Instant,
}

/// Answers the lines of standard input until there are no more.
///
/// # Errors
///
/// A line that is none, or a queue that fails: its words go to the caller.
pub fn serve<P: Peer>(runtime: &Runtime) -> Outcome<()> {
    // Read elsewhere, so that a worker goes on while nothing is asked.
    let (sender, mut lines) = unbounded_channel();
    thread::spawn(move || io::stdin().lock().lines().try_for_each(|line| sender.send(line).ok()));
    runtime.block_on(async {
        let mut open = None;
        while let Some(line) = lines.recv().await {
            let answer = answer::<P>(&mut open, serde_json::from_str(&line?)?).await?;
            writeln!(io::stdout().lock(), "{answer}")?;
        }
        Ok(())
    })
}

async fn answer<P: Peer>(open: &mut Option<Open<P>>, wish: Wish) -> Outcome<Value> {
    if let Wish::Open { name, port } = &wish {
        let peer = P::open(name, *port).await?;
        *open = Some(Open { peer, done: Arc::default(), worker: None, started: Instant::now() });
        return Ok(json!({}));
    }
    let Some(now) = open.as_mut() else { return Err("nothing is open".into()) };
    match wish {
        Wish::Add { jobs, bulk, in_flight, data } => {
            let start = Instant::now();
            add(&now.peer, jobs, bulk, in_flight, &data.to_string()).await?;
            return Ok(json!({"seconds": start.elapsed().as_secs_f64()}));
        }
        Wish::Start {} => now.start(Look::AtOnce),
        Wish::StartIdle {} => now.start(Look::Idle),
        Wish::Wait { jobs } => {
            now.while_working(jobs).await?;
            return Ok(json!({"seconds": now.started.elapsed().as_secs_f64()}));
        }
        Wish::Done {} => return Ok(json!({"done": now.done.handled_count()})),
        Wish::Pace { jobs, every_ms, data } => {
            now.start(Look::Usual);
            pace(&now.peer, &now.done, jobs, Duration::from_millis(every_ms), &data.to_string()).await?;
            now.while_working(jobs).await?;
            return Ok(json!({"took": now.done.took_ms()}));
        }
        Wish::Tick {} => now.peer.work(Arc::clone(&now.done), Look::Once).await?,
        Wish::Open { .. } | Wish::Close {} => {
            if let Some(worker) = open.take().and_then(|open| open.worker) {
                worker.abort();
            }
        }
    }
    Ok(json!({}))
}

impl<P: Peer> Open<P> {
    fn start(&mut self, look: Look) {
        self.started = Instant::now();
        let (peer, done) = (self.peer.clone(), Arc::clone(&self.done));
        self.worker = Some(tokio::spawn(async move { peer.work(done, look).await }));
    }

    /// Waits for so many jobs, or for the worker's failure.
    async fn while_working(&mut self, jobs: u64) -> Outcome<()> {
        let Some(worker) = self.worker.as_mut() else { return Err("nothing works".into()) };
        tokio::select! {
            () = self.done.reached(jobs) => Ok(()),
            ended = worker => ended?.and(Err("the worker ended by itself".into())),
        }
    }
}

async fn add<P: Peer>(peer: &P, jobs: u64, bulk: u64, in_flight: u64, data: &str) -> Outcome<()> {
    let mut lanes = JoinSet::new();
    for lane in 0..in_flight {
        let (peer, data) = (peer.clone(), data.to_owned());
        lanes.spawn(async move {
            for first in (lane * bulk..jobs).step_by(usize::try_from(in_flight * bulk)?) {
                peer.add(first, bulk.min(jobs - first), &data).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    Ok(())
}

async fn pace<P: Peer>(peer: &P, done: &Arc<Done>, jobs: u64, every: Duration, data: &str) -> Outcome<()> {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for n in 0..jobs {
        ticks.tick().await;
        let (peer, done, data) = (peer.clone(), Arc::clone(done), data.to_owned());
        calls.spawn(async move {
            done.begin(n);
            let added = peer.add(n, 1, &data).await;
            done.added.notify_one();
            added
        });
    }
    while let Some(call) = calls.join_next().await {
        call??;
    }
    Ok(())
}

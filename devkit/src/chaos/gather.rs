//! Gathers the evidence: what the stand-ins wrote down, Redis' file, and what is in Redis.

use std::collections::BTreeMap;
use std::error::Error;

use serde_json::Value;

use super::aof;
use super::evidence::{EscrowEnd, Evidence, HookSeen, JobEnd, MailSeen, Moved};
use super::world::World;
use crate::clock;

/// Keys read in one call.
const CHUNK: usize = 200;

/// How far away a day is that a job may wait for at the end of a run, in ms. Chosen: beyond every retry of a run, before the end of a card's hold.
pub(super) const FAR_MS: i64 = 3 * 24 * 3_600_000;

/// Gathers what does not come from producers and the cron.
pub(super) async fn gather(world: &World, amounts: &BTreeMap<String, [i64; 4]>) -> Result<Evidence, Box<dyn Error>> {
    let mut evidence =
        Evidence { written: aof::read(&std::fs::read(world.append_only_file())?), ..Evidence::default() };
    for number in 1.. {
        let Ok(lost) = std::fs::read(world.folder.join(format!("lost-{number}.aof"))) else { break };
        evidence.lost_seconds += 1;
        evidence.lost_keys.extend(aof::keys(&aof::read(&lost)));
    }
    evidence.jobs = jobs(world).await?;
    evidence.waiting = waiting(world).await?.into_iter().filter(|(_, far)| *far).map(|(id, _)| id).collect();
    evidence.escrows = escrows(world, amounts).await?;
    let entry = |(id, entry): (String, crate::stripe::LedgerEntry)| {
        let moved = Moved {
            captures: entry.captures,
            captured: entry.captured,
            refunded: entry.refunded,
            cancels: entry.cancels,
        };
        (id, moved)
    };
    evidence.payments = world.stripe.ledger().into_iter().map(entry).collect();
    let mail = |mail: crate::mail::Mail| MailSeen {
        to: mail.draft.to.join(","),
        key: mail.idempotency_key.unwrap_or_default(),
        subject: mail.draft.subject,
    };
    evidence.mails = world.outbox.mails().into_iter().map(mail).collect();
    let hook = |seen: crate::webhooks::Received| HookSeen {
        id: seen.id.unwrap_or_default(),
        body: seen.body,
        verified: seen.verified,
        taken: seen.answered.is_some_and(|status| (200..300).contains(&status)),
    };
    evidence.hooks = world.sink.received().into_iter().map(hook).collect();
    records(world, &mut evidence).await?;
    Ok(evidence)
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
}

async fn keys(world: &World, pattern: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let found = world.ask(&[command(&["KEYS", pattern])]).await?;
    Ok(found.first().map(texts).unwrap_or_default())
}

async fn jobs(world: &World) -> Result<BTreeMap<String, JobEnd>, Box<dyn Error>> {
    let mut jobs = BTreeMap::new();
    for chunk in keys(world, "job:*").await?.chunks(CHUNK) {
        let mut read = command(&["MGET"]);
        read.extend(chunk.iter().cloned());
        let documents = world.ask(&[read]).await?.first().map(texts).unwrap_or_default();
        for (key, document) in chunk.iter().zip(documents) {
            let document: Value = serde_json::from_str(&document).unwrap_or_default();
            let text = |name: &str| document[name].as_str().map(str::to_owned);
            let end = JobEnd { status: text("status").unwrap_or_default(), last_error: text("lastError") };
            jobs.insert(key.trim_start_matches("job:").to_owned(), end);
        }
    }
    Ok(jobs)
}

/// Every job that has a timer, and whether it is far away.
pub(super) async fn waiting(world: &World) -> Result<Vec<(String, bool)>, Box<dyn Error>> {
    let found = world.ask(&[command(&["ZRANGE", "queue:timers", "0", "-1", "WITHSCORES"])]).await?;
    let found = found.first().map(texts).unwrap_or_default();
    let far = clock::now_ms() + FAR_MS;
    let timer = |pair: &[String]| {
        let (job_type, id) = pair[0].split_once('/')?;
        let at: i64 = pair[1].parse().ok()?;
        (job_type != "dead_letter").then(|| (id.to_owned(), at > far))
    };
    Ok(found.chunks_exact(2).filter_map(timer).collect())
}

async fn escrows(
    world: &World,
    amounts: &BTreeMap<String, [i64; 4]>,
) -> Result<BTreeMap<String, EscrowEnd>, Box<dyn Error>> {
    let mut escrows = BTreeMap::new();
    for key in keys(world, "escrow:*").await? {
        let found = world.ask(&[command(&["HMGET", &key, "state", "document"])]).await?;
        let found = found.first().map(texts).unwrap_or_default();
        let document: Value = serde_json::from_str(found.get(1).map_or("", String::as_str)).unwrap_or_default();
        let id = key.trim_start_matches("escrow:").to_owned();
        let end = EscrowEnd {
            state: found.first().cloned().unwrap_or_default(),
            payment: payment(&document).unwrap_or_default(),
            amounts: amounts.get(&id).copied().unwrap_or_default(),
        };
        escrows.insert(id, end);
    }
    Ok(escrows)
}

/// The first text in a document that is the id of a payment.
fn payment(document: &Value) -> Option<String> {
    match document {
        Value::String(text) if text.starts_with("pi_") && !text.contains("_secret") => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(payment),
        Value::Object(fields) => fields.values().find_map(payment),
        _ => None,
    }
}

async fn records(world: &World, evidence: &mut Evidence) -> Result<(), Box<dyn Error>> {
    let mut from = "-".to_owned();
    loop {
        let found = world.ask(&[command(&["XRANGE", "audit", &from, "+", "COUNT", "1000"])]).await?;
        let entries = found.first().and_then(Value::as_array).cloned().unwrap_or_default();
        for entry in &entries {
            let fields = texts(&entry[1]);
            let field = |name: &str| fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
            evidence.record_jobs.extend(field("job_id"));
            let event: Value = serde_json::from_str(&field("event").unwrap_or_default()).unwrap_or_default();
            evidence.records.extend(event["mark"].as_u64().and_then(|mark| usize::try_from(mark).ok()));
        }
        let Some(last) = entries.last().and_then(|entry| entry[0].as_str()) else { return Ok(()) };
        from = format!("({last}");
    }
}

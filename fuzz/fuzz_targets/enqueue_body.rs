//! The body of `POST /api/jobs/enqueue`: what gets to Redis are documents that are read back, with payloads as they were sent, to the byte.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fuzz::deployment::{Call, Deployment, NOW, TOKEN};
use fuzz::redis;
use holdfast::domain::id::JobId;
use holdfast::domain::job::JobDocument;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

fuzz_target!(|body: &[u8]| {
    let answer = DEPLOYMENT.usual(&Call::post("/api/jobs/enqueue", body).by(TOKEN)).unwrap();
    if answer.status != 201 {
        assert!(answer.asked.is_empty(), "{answer:?}");
        assert!(matches!(answer.status, 400 | 413 | 422), "{answer:?}");
        return;
    }
    let text = std::str::from_utf8(body).unwrap();
    let sent: Vec<Box<RawValue>> =
        serde_json::from_str(text).or_else(|_| serde_json::from_str(text).map(|one| vec![one])).unwrap();
    let commands: Vec<_> = answer.asked.iter().flat_map(redis::commands).collect();
    let jobs = redis::jobs_of(&commands[0]);
    assert_eq!((commands.len(), jobs.len()), (1, sent.len()));
    for ((id, document), sent) in jobs.iter().zip(sent) {
        let sent: BTreeMap<String, Box<RawValue>> = serde_json::from_str(sent.get()).unwrap();
        let document = JobDocument::read(JobId::parse(id.as_str()).unwrap(), document, NOW).unwrap();
        assert_eq!(document.payload.get(), sent["payload"].get());
        document.read_payload().expect("a job that was taken has a payload that its worker reads");
    }
});

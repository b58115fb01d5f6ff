//! The numbers that bound everything, each with its unit and where it comes from.

use std::time::Duration;

/// Longest body of a request, in bytes, where the route names no other. Chosen: four times the largest payload below.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// Longest payload of one job, in bytes of JSON. Chosen: an e-mail's facts are under 1 KiB; with 100 jobs a
/// claim stays below the 10 MB that Upstash takes in one request.
pub const MAX_PAYLOAD_BYTES: usize = 60 * 1024;

/// Most jobs in one enqueue. Chosen: `MSET` of 1,000 pairs is a quarter of what Redis' Lua can unpack (about
/// 8,000 values, measured).
pub const MAX_ENQUEUE_JOBS: usize = 1_000;

/// Most bytes of documents in one enqueue, and of its body. Upstash takes 10 MB a request (its documentation, August 2026); the rest is
/// for keys and JSON's escapes. Vercel takes bodies of 4.5 MB, Lambda events of 6 MB (their documentation, August 2026).
pub const MAX_ENQUEUE_BYTES: usize = 4 * 1024 * 1024;

/// Most jobs of one type in one claim. Chosen: nine types at this limit are 4,500 values in one `HSET`, well under the 8,000 that
/// Redis' Lua can unpack.
pub const MAX_CLAIM_LIMIT: u32 = 250;

/// Jobs of one type in one claim where the caller names no limit. From the seed design.
pub const DEFAULT_CLAIM_LIMIT: u32 = 10;

/// Document bytes after which a claim takes no further job. Chosen: a quarter of what Upstash takes in one request,
/// and what a function at 1 MB/s receives well inside one call's deadline.
pub const MAX_CLAIM_BYTES: usize = 2 * 1024 * 1024;

/// Longest document that is run, in bytes; a longer one is buried, and of its text only the beginning is kept. Chosen: eight times the largest
/// payload above; where it cannot be read, its text is seven times as long with JSON's escapes, twice, and that is still under the 10 MB
/// that Upstash takes in one request.
pub const MAX_DOCUMENT_BYTES: usize = 512 * 1024;

/// Timers looked at in one claim. Chosen: keeps one script call under 2 ms; the next call goes on where this one ended.
pub const MAX_SWEEP: u32 = 500;

/// Settlements in one call. Chosen: 100 documents of the largest size are 6 MB, under Upstash's 10 MB.
pub const MAX_SETTLEMENTS: usize = 100;

/// Most bytes of settlements in one request; what is more goes in further ones. Chosen: JSON's escapes make a document, which is JSON, twice as
/// long at most, so this stays under the 10 MB that Upstash takes in one request, and leaves room for a claim.
pub const MAX_SETTLE_BYTES: usize = 4 * 1024 * 1024;

/// Attempts a job gets where it names no number. From the seed design.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 3;

/// Most attempts a job may ask for. Chosen: with doubling waits the 25th would be a year after the first.
pub const MAX_MAX_ATTEMPTS: u32 = 25;

/// Longest delay of a job. Chosen: a year; beyond it a caller most likely mixed up seconds and milliseconds.
pub const MAX_DELAY: Duration = Duration::from_hours(24 * 366);

/// Longest time that is measured of a job; a longer one counts as this. Chosen: the longest delay. What is longer is a time of creation in another
/// unit than ms, and the sum of many of these would leave the 64 bits that Redis counts in.
pub const MAX_MEASURED: Duration = MAX_DELAY;

/// How long a dedupe key answers with the first job. From the seed design.
pub const DEDUPE_WINDOW: Duration = Duration::from_hours(1);

/// How long a completed or cancelled job's document is kept. From the seed design.
pub const KEEP_COMPLETED: Duration = Duration::from_hours(24);

/// How long a dead letter is kept. From the seed design.
pub const KEEP_DEAD: Duration = Duration::from_hours(7 * 24);

/// Longest `lastError`, in bytes. Chosen: a status line, a code and a sentence.
pub const MAX_ERROR_BYTES: usize = 500;

/// Handlers that run at once in one processor. Chosen: each holds a socket and little memory; 32 answers of 200 ms make 160 jobs a
/// second and stay inside the rate limits of the mail and payment providers.
pub const HANDLERS_AT_ONCE: usize = 32;

/// Longest run of one handler. Standard Webhooks asks for 15 to 30 s of patience; the lower end and two calls to Redis around it leave
/// room in the time box.
pub const HANDLER_TIMEOUT: Duration = Duration::from_secs(20);

/// Time box of a processor where neither the platform nor `JOB_TIME_BOX_MS` names one. Chosen: Vercel and Lambda are
/// set to 60 s; a tenth of it stays for start and answer, and the next tick starts on time.
pub const DEFAULT_TIME_BOX: Duration = Duration::from_secs(50);

/// Longest `JOB_TIME_BOX_MS`. Lambda's own limit of 15 minutes.
pub const MAX_TIME_BOX: Duration = Duration::from_mins(15);

/// The end of a time box that is kept for settling: no handler runs there. Chosen: two calls to Upstash with one repeat.
pub const SETTLE_MARGIN: Duration = Duration::from_secs(3);

/// Least time left for which another claim is worth its call. Chosen: a mail or webhook takes a few hundred milliseconds.
pub const MIN_ROUND: Duration = Duration::from_secs(1);

/// How long after the end of its time box a processor still holds its leases. Chosen: longer than the last settle may
/// take with all its repeats, so that a live processor is never robbed; a killed one's jobs wait this much longer.
pub const LEASE_MARGIN: Duration = Duration::from_secs(10);

/// Finished jobs are settled at least this often while slow ones still run. Chosen: what a kill can cause to be done twice.
pub const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// Earlier lives, and failed attempts of this one, a job's document keeps. Chosen: what a reader looks through; a life is about 200 bytes.
pub const MAX_HISTORY: usize = 10;

/// Dead letters read or changed by one script call. Chosen: with [`MAX_STEP_BYTES`] a call stays under Upstash's 10 MB.
pub const MAX_STEP_LETTERS: usize = 100;

/// Document bytes in one change of dead letters, or of texts that name an address to be forgotten. Chosen: each is sent as it was read and as it shall be, with JSON's escapes
/// on both; twice this stays under the 10 MB that Upstash takes in one request.
pub const MAX_STEP_BYTES: usize = 2 * 1024 * 1024;

/// Dead letters looked at for one answer. Chosen: ten reads of a hundred stay well inside a caller's ten seconds.
pub const MAX_LOOKED_AT: usize = 1_000;

/// Recovered jobs of a type that may die again with no completion between, before no more come back by themselves. Chosen: one is bad
/// luck, five say that what broke is not mended.
pub const MAX_RECOVERED_DEATHS: u64 = 5;

//! Measures whether the time of a refusal tells how much of a token was guessed.
//!
//! Two guesses of the token's length are compared in turn, at random: one that differs at its first byte, one that differs at its last. The
//! times of both are put to Welch's t-test, as in dudect (Reparaz, Balasch, Verbauwhede, 2017). `==` on the same texts is measured in the same
//! run: where the method does not see that one leak, it has shown nothing.

#![expect(clippy::float_arithmetic, reason = "means and variances of times")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that prints what it found")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts far below what a double holds"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use holdfast::auth::{Credentials, processor};
use holdfast::config::{Config, JOB_PROCESSOR_SECRET_TOKEN};

/// Samples of each comparison, both guesses together. Chosen: a few seconds, and `==` is seen a hundred times over.
const SAMPLES: usize = 400_000;

/// Comparisons in one sample: one alone is shorter than a step of the clock.
const BATCH: usize = 16;

/// From here on dudect takes a difference for certain; below 4.5 it takes none for found.
const CERTAIN: f64 = 10.0;

/// The slowest part of the samples, which the machine's interruptions are in, is left out. As in dudect.
const KEPT: f64 = 0.9;

/// Bytes of a token. Chosen: 32 random bytes in hexadecimal digits, as docs/security.md advises, four times over, so that `==` has some way to go.
const TOKEN_BYTES: usize = 256;

fn main() -> ExitCode {
    let token: String = (0..TOKEN_BYTES).map(|_| fastrand::alphanumeric()).collect();
    let config = Config::from_lookup(|name| (name == JOB_PROCESSOR_SECRET_TOKEN).then(|| token.clone()));
    let by_processor = |guess: &str| {
        let credentials = Credentials { bearer: Some(guess), says_cron: false };
        processor(&config, credentials).is_ok()
    };
    let by_equals = |guess: &str| guess == black_box(&token);
    let seen = measure("==", &token, by_equals);
    let ours = measure("auth::processor", &token, by_processor);
    if seen < CERTAIN {
        eprintln!("FAILED: the method does not see what == tells, so it shows nothing");
        return ExitCode::FAILURE;
    }
    if ours >= CERTAIN {
        eprintln!("FAILED: the time of a refusal tells how much of the token was guessed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Measures one comparison, prints what was found and returns the absolute value of t.
fn measure(name: &str, token: &str, equal: impl Fn(&str) -> bool) -> f64 {
    let guesses = [differing_at(token, 0), differing_at(token, token.len() - 1)];
    // One place in memory for both, so that only what is in it differs.
    let mut guess = token.to_owned();
    let mut samples: Vec<(usize, f64)> = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let which = usize::from(fastrand::bool());
        guess.clone_from(&guesses[which]);
        let started = Instant::now();
        for _ in 0..BATCH {
            assert!(!black_box(equal(black_box(&guess))));
        }
        samples.push((which, started.elapsed().as_secs_f64() * 1e9 / BATCH as f64));
    }
    let mut sorted: Vec<f64> = samples.iter().map(|(_, ns)| *ns).collect();
    sorted.sort_by(f64::total_cmp);
    let limit = sorted[(sorted.len() as f64 * KEPT) as usize];
    let of = |which: usize| samples.iter().filter(move |(of, ns)| *of == which && *ns <= limit).map(|(_, ns)| *ns);
    let (first, last) = (Moments::of(of(0)), Moments::of(of(1)));
    let t = (last.mean - first.mean) / (first.variance / first.count + last.variance / last.count).sqrt();
    println!(
        "{name:<16} differs at the first byte {:8.2} ns, at the last {:8.2} ns, difference {:+.3} ns, t = {t:+.1}",
        first.mean,
        last.mean,
        last.mean - first.mean
    );
    t.abs()
}

/// The token with another character at one place.
fn differing_at(token: &str, place: usize) -> String {
    let other = if token.as_bytes()[place] == b'x' { 'y' } else { 'x' };
    let mut guess = token.to_owned();
    guess.replace_range(place..=place, &other.to_string());
    guess
}

/// How many, their mean and their variance.
struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for value in values {
            count += 1.0;
            let off = value - mean;
            mean += off / count;
            squares += off * (value - mean);
        }
        Self { count, mean, variance: squares / (count - 1.0) }
    }
}

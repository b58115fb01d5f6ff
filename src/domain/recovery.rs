//! When a dead letter comes back by itself: four times, each after a longer wait, spread so that those that died together do not come
//! back together.

use std::time::Duration;

use super::id::JobId;

/// The waits, by how often it came back before. Chosen: an outage of a provider is over in minutes or hours; what a working day
/// has not mended, a person must look at.
const WAITS: [Duration; 4] =
    [Duration::from_mins(15), Duration::from_hours(1), Duration::from_hours(4), Duration::from_hours(12)];

/// How much longer than its wait a dead letter waits at most, as a part of it: a quarter.
const SPREAD_PART: u32 = 4;

/// Returns how long a dead letter that came back `recoveries` times waits until the next; nothing when it stays dead.
pub fn wait(recoveries: u32, id: &JobId) -> Option<Duration> {
    let wait = WAITS.get(usize::try_from(recoveries).ok()?)?;
    Some(*wait + *wait / SPREAD_PART * thousandths(id) / 1_000)
}

/// A number below 1,000 that is the same for the same id: FNV-1a, so that neither clock nor dice are needed.
fn thousandths(id: &JobId) -> u32 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    id.as_str().bytes().fold(0x811c_9dc5, mix) % 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_and_end_after_the_fourth() {
        let id = JobId::parse("job-1").unwrap();
        let minutes: Vec<_> = (0..5).map(|n| wait(n, &id).map(|wait| wait.as_secs() / 60)).collect();
        for (minutes, least) in minutes.iter().zip([15, 60, 240, 720]) {
            let minutes = minutes.unwrap();
            assert!((least..=least * 5 / 4).contains(&minutes), "{minutes} of {least}");
        }
        assert_eq!((minutes[4], wait(u32::MAX, &id)), (None, None));
    }

    #[test]
    fn those_that_died_together_are_spread_over_a_quarter_of_the_wait() {
        let waits = (0..200).map(|n| wait(0, &JobId::parse(format!("job-{n}")).unwrap()).unwrap().as_secs());
        let (least, most) = waits.fold((u64::MAX, 0), |(least, most), wait| (least.min(wait), most.max(wait)));
        assert!(least < 920 && most > 1_100, "{least} to {most}");
    }
}

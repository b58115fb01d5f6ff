//! The buckets in which durations are counted: the same for all, so that they can be added up.

use std::time::Duration;

/// The buckets' upper bounds, in milliseconds; what is longer is in one more bucket without a bound. Chosen: from an answer out of a cache to
/// a job that waited for an outage to end, about two and a half times as far with each step.
pub const BOUNDS_MS: [u64; 14] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 600_000, 3_600_000];

/// Returns the bucket of a duration: the first whose bound it does not pass.
pub fn bucket(duration: Duration) -> usize {
    BOUNDS_MS.iter().position(|bound| duration <= Duration::from_millis(*bound)).unwrap_or(BOUNDS_MS.len())
}

/// Returns the bucket that holds the `percent`th of a hundred values; none where there is no value.
pub fn percentile(counts: &[u64], percent: u64) -> Option<usize> {
    let total: u64 = counts.iter().sum();
    let mut seen = 0;
    counts.iter().position(|count| {
        seen += count;
        total > 0 && seen * 100 >= total * percent
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        let buckets = [0, 5, 6, 3_600_000, 3_600_001].map(|ms| bucket(Duration::from_millis(ms)));
        assert_eq!(buckets, [0, 0, 1, 13, 14]);
        assert_eq!(bucket(Duration::from_micros(5_001)), 1);
    }

    #[test]
    fn a_percentile_is_the_bucket_that_so_many_values_do_not_pass() {
        assert_eq!(percentile(&[0, 0], 95), None);
        assert_eq!(percentile(&[95, 5, 0], 95), Some(0));
        assert_eq!(percentile(&[94, 5, 1], 95), Some(1));
        assert_eq!([percentile(&[1, 0, 1], 50), percentile(&[1, 0, 1], 51)], [Some(0), Some(2)]);
    }
}

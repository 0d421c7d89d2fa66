//! What many times have in common.

use std::fmt;
use std::time::Duration;

/// The driver's pause between two looks, in milliseconds.
const PAUSE: u128 = 5;
/// How many heaps are told apart; the last one takes what is later.
const HEAPS: usize = 5;

/// Times of one command.
pub(crate) struct Times {
    least: Duration,
    median: Duration,
    most: Duration,
    count: usize,
    /// How many came before the driver slept, after it slept once, twice, ...
    heaps: [usize; HEAPS],
}

impl Times {
    /// Of at least one.
    pub(crate) fn of(mut taken: Vec<Duration>) -> Option<Self> {
        taken.sort_unstable();
        let (least, most) = (*taken.first()?, *taken.last()?);
        let median = *taken.get(taken.len() / 2)?;
        let mut heaps = [0; HEAPS];
        for time in &taken {
            let slept = usize::try_from(time.as_millis() / PAUSE).unwrap_or(HEAPS);
            heaps[slept.min(HEAPS - 1)] += 1;
        }
        Some(Self { least, median, most, count: taken.len(), heaps })
    }
}

impl fmt::Display for Times {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (least, median, most) = (ms(self.least), ms(self.median), ms(self.most));
        write!(
            out,
            "{} times, least {least:.2} ms, median {median:.2} ms, most {most:.2} ms",
            self.count
        )?;
        let share = |heap: usize| heap as f64 * 100.0 / self.count as f64;
        for (heap, count) in self.heaps.iter().enumerate() {
            let (from, upto) = (heap as u128 * PAUSE, (heap as u128 + 1) * PAUSE);
            match heap + 1 {
                HEAPS => write!(out, "; from {from} ms {:.1} %", share(*count))?,
                _ => write!(out, "; {from} to {upto} ms {:.1} %", share(*count))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_by_the_pauses_of_the_driver() {
        let ms = |ms: &[u64]| Times::of(ms.iter().map(|ms| Duration::from_millis(*ms)).collect());
        assert_eq!(
            ms(&[1, 7, 4, 99]).unwrap().to_string(),
            "4 times, least 1.00 ms, median 7.00 ms, most 99.00 ms; 0 to 5 ms 50.0 %; 5 to 10 ms 25.0 %; \
             10 to 15 ms 0.0 %; 15 to 20 ms 0.0 %; from 20 ms 25.0 %"
        );
        assert!(ms(&[]).is_none());
    }
}

//! Power cuts: a script says when, in bounds, and the host chooses the moment.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::Read;
use std::time::Duration;

/// How a script asks: `LAB-CUT MIN MAX`, in seconds.
pub(crate) const MARK: &str = "LAB-CUT ";

/// How long from the request to the cut: some moment between both bounds, all equally likely.
pub(crate) fn moment(bounds: &str) -> Result<Duration> {
    let (min, max) = parse(bounds).with_context(|| format!("not understood: {MARK}{bounds}"))?;
    let mut random = [0; 4];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(between(min, max, u32::from_le_bytes(random)))
}

fn parse(bounds: &str) -> Result<(Duration, Duration)> {
    let words: Vec<_> = bounds.split_whitespace().collect();
    let [min, max] = words[..] else { bail!("two numbers are needed") };
    let seconds = |word: &str| Ok::<_, anyhow::Error>(Duration::try_from_secs_f64(word.parse()?)?);
    let (min, max) = (seconds(min)?, seconds(max)?);
    if min > max {
        bail!("the first number must not be the larger one");
    }
    Ok((min, max))
}

fn between(min: Duration, max: Duration, random: u32) -> Duration {
    min + (max - min).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_between_its_bounds_and_may_be_either() {
        let (min, max) = parse("0.5 2").unwrap();
        assert_eq!(between(min, max, 0), Duration::from_millis(500));
        assert_eq!(between(min, max, u32::MAX), Duration::from_secs(2));
        let at = moment("0.25 0.5").unwrap().as_millis();
        assert!((250..=500).contains(&at), "{at}");
    }

    #[test]
    fn what_is_no_pair_of_bounds_is_refused() {
        for words in ["", "1", "2 1", "-1 1", "a b", "1 2 3", "nan 1"] {
            assert!(moment(words).is_err(), "{words}");
        }
    }
}

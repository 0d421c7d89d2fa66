//! The interface's time-outs A to D.

use core::fmt;
use core::time::Duration;
use tpm_wire::{Header, Reader};

/// The four limits of the FIFO interface. Waiting longer than needed costs nothing but the time
/// until a dead TPM is noticed, so each starts at the longest value that TIS 1.2, TIS 1.3 or the
/// PTP gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the registers to become valid and a locality to be granted.
    pub a: Duration,
    /// For the TPM to become ready, also after an abort.
    pub b: Duration,
    /// For a valid status, or data, during a transfer.
    pub c: Duration,
    /// For the burst count to rise from zero.
    pub d: Duration,
}

impl Timeouts {
    /// The defaults: A, C, D 750 ms (TIS 1.21, table 13), B 4 s (twice the specifications' 2 s,
    /// which several TPMs overstep).
    pub const DEFAULT: Self = Self {
        a: Duration::from_millis(750),
        b: Duration::from_secs(4),
        c: Duration::from_millis(750),
        d: Duration::from_millis(750),
    };
}

/// No interface needs longer than this for any of its steps.
const LONGEST: Duration = Duration::from_secs(60);

/// Below this, `A` cannot be microseconds: TPMs are known that answer in milliseconds.
const SMALLEST_A_IN_MICROSECONDS: u32 = 1000;

/// What became of a TPM 1.2's own answer about its time-outs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutsAnswer {
    /// What to use: never less than the default.
    pub timeouts: Timeouts,
    /// The TPM answered in milliseconds where the specification says microseconds.
    pub in_milliseconds: bool,
    /// The answer could not be believed at all or in part; defaults stand in.
    pub absurd: bool,
}

impl TimeoutsAnswer {
    /// Reads the response to TPM_GetCapability(TPM_CAP_PROP_TIS_TIMEOUT): a length, then A to D,
    /// 32 bits each (1.2 Part 2, 21.2).
    #[must_use]
    pub fn parse(response: &[u8]) -> Self {
        match numbers(response) {
            Some(numbers) => Self::from_numbers(numbers),
            None => Self { timeouts: Timeouts::DEFAULT, in_milliseconds: false, absurd: true },
        }
    }

    fn from_numbers(numbers: [u32; 4]) -> Self {
        let in_milliseconds = (1..SMALLEST_A_IN_MICROSECONDS).contains(&numbers[0]);
        let unit = if in_milliseconds { 1000 } else { 1 };
        let mut absurd = false;
        let mut believe = |number: u32, default: Duration| {
            let claimed = Duration::from_micros(u64::from(number) * unit);
            absurd |= number == 0 || claimed > LONGEST;
            if claimed > LONGEST { default } else { claimed.max(default) }
        };
        let [a, b, c, d] = numbers;
        let timeouts = Timeouts {
            a: believe(a, Timeouts::DEFAULT.a),
            b: believe(b, Timeouts::DEFAULT.b),
            c: believe(c, Timeouts::DEFAULT.c),
            d: believe(d, Timeouts::DEFAULT.d),
        };
        Self { timeouts, in_milliseconds, absurd }
    }
}

fn numbers(response: &[u8]) -> Option<[u32; 4]> {
    let (header, body) = Header::parse(response).ok()?;
    let mut reader = Reader::new(body);
    if header.code != 0 || reader.u32().ok()? != 16 {
        return None;
    }
    let mut next = || reader.u32().ok();
    Some([next()?, next()?, next()?, next()?])
}

impl fmt::Display for TimeoutsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timeouts { a, b, c, d } = self.timeouts;
        let [a, b, c, d] = [a, b, c, d].map(|limit| limit.as_millis());
        write!(f, "time-outs A {a} ms, B {b} ms, C {c} ms, D {d} ms")?;
        if self.in_milliseconds {
            f.write_str("; the TPM gave milliseconds where microseconds are due")?;
        }
        if self.absurd {
            f.write_str("; the TPM's own figures cannot be right, defaults stand in")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Timeouts, TimeoutsAnswer};
    use alloc::string::ToString;
    use core::time::Duration;

    #[test]
    fn longer_times_are_believed_and_shorter_ones_change_nothing() {
        let answer = TimeoutsAnswer::from_numbers([750_000, 10_000_000, 1_000, 900_000]);
        let expected = Timeouts {
            b: Duration::from_secs(10),
            d: Duration::from_millis(900),
            ..Timeouts::DEFAULT
        };
        assert_eq!(answer.timeouts, expected);
        assert!(!answer.absurd && !answer.in_milliseconds);
    }

    #[test]
    fn milliseconds_are_recognised_by_a_small_a() {
        let answer = TimeoutsAnswer::from_numbers([750, 9000, 750, 750]);
        assert!(answer.in_milliseconds && !answer.absurd);
        assert_eq!(answer.timeouts.b, Duration::from_secs(9));
    }

    #[test]
    fn absurd_figures_give_way_to_defaults_and_say_so() {
        let answer = TimeoutsAnswer::from_numbers([u32::MAX, 0, 1, 2]);
        assert!(answer.absurd);
        assert_eq!(answer.timeouts, Timeouts::DEFAULT);
        assert!(answer.to_string().contains("defaults stand in"));
        assert!(TimeoutsAnswer::parse(&[0; 3]).absurd);
    }
}

//! Five outcomes, after Xen's own test framework (XTF): whether the product or the test is broken
//! is never left open.

use crate::machine::{Crash, TimeLimit};
use std::fmt;

/// How one claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The claim holds.
    Success,
    /// Something it needs is not there; the script says what.
    Skip,
    /// The lab or the script is broken.
    Error,
    /// The product is broken.
    Failure,
    /// A domain or the hypervisor crashed.
    Crash,
}

impl Outcome {
    /// What a script's exit code means. 124 and 125 are the lab's own: time limit and failure.
    #[must_use]
    pub fn of_exit_code(code: u8) -> Self {
        match code {
            0 => Self::Success,
            3 => Self::Skip,
            4 | 124 | 125 => Self::Error,
            6 => Self::Crash,
            _ => Self::Failure,
        }
    }

    /// The exit code for a run that gave none of its own: 6 when the machine crashed, 124 when the
    /// time limit was reached, 125 when the lab failed.
    #[must_use]
    pub fn exit_code_of_error(error: &anyhow::Error) -> u8 {
        if error.is::<Crash>() {
            6
        } else if error.is::<TimeLimit>() {
            124
        } else {
            125
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Success => "success",
            Self::Skip => "skip",
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Crash => "crash",
        })
    }
}

/// How many claims ended how.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Summary {
    /// Counts one more.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.passed += 1,
            Outcome::Skip => self.skipped += 1,
            Outcome::Error | Outcome::Failure | Outcome::Crash => self.failed += 1,
        }
    }

    /// Whether nothing failed. In continuous integration everything is there, so a skip is a
    /// failure too.
    #[must_use]
    pub fn good(&self, in_ci: bool) -> bool {
        self.failed == 0 && !(in_ci && self.skipped > 0)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_exit_code_blames_the_product_and_the_labs_own_codes_the_lab() {
        let outcomes = [0, 3, 4, 5, 6, 1, 124, 125].map(Outcome::of_exit_code);
        use Outcome::{Crash, Error, Failure, Skip, Success};
        assert_eq!(outcomes, [Success, Skip, Error, Failure, Crash, Failure, Error, Error]);
    }

    #[test]
    fn a_crashed_machine_is_a_crash_and_not_the_labs_fault() {
        let of = |error| Outcome::of_exit_code(Outcome::exit_code_of_error(&error));
        let crash = anyhow::Error::from(Crash("Panic on CPU 0:".into())).context("in a claim");
        assert_eq!(of(crash), Outcome::Crash);
        assert_eq!(of(TimeLimit(std::time::Duration::ZERO).into()), Outcome::Error);
        assert_eq!(of(anyhow::anyhow!("no disk left")), Outcome::Error);
    }

    #[test]
    fn a_skip_is_good_enough_for_a_person_but_not_for_ci() {
        let mut summary = Summary::default();
        summary.count(Outcome::Success);
        summary.count(Outcome::Skip);
        assert!(summary.good(false) && !summary.good(true));
        assert_eq!(summary.to_string(), "1 passed, 0 failed, 1 skipped");
        summary.count(Outcome::Crash);
        assert!(!summary.good(false));
    }
}

//! Checks that a source of random words still works (NIST SP 800-90B, 4.4).

/// Watches one source of 64-bit words.
///
/// A good source repeats a whole word once in 2^64 draws, so one repetition is taken as a stuck
/// source for good: the repetition count test with a cutoff of 2. Words of all zeros or all ones
/// are what broken RDRAND units are known to return (AMD, after resume), and fail as well.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Health {
    last: Option<u64>,
    failed: bool,
}

impl Health {
    /// Passes a word on unless it, or one before it, fails the check.
    pub(crate) fn check(&mut self, word: u64) -> Option<u64> {
        if word == 0 || word == u64::MAX || self.last == Some(word) {
            self.failed = true;
        }
        self.last = Some(word);
        (!self.failed).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_source_fails_for_good() {
        let mut health = Health::default();
        assert_eq!(health.check(5), Some(5));
        assert_eq!(health.check(6), Some(6));
        assert_eq!(health.check(6), None);
        assert_eq!(health.check(7), None);
    }

    #[test]
    fn what_broken_units_return_fails() {
        assert_eq!(Health::default().check(u64::MAX), None);
        assert_eq!(Health::default().check(0), None);
    }
}

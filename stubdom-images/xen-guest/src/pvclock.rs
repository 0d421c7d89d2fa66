//! The arithmetic of Xen's clock (Xen public/xen.h, `struct vcpu_time_info`).

use core::sync::atomic::{AtomicU64, Ordering};

/// How the time stamp counter maps to system time on this CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeInfo {
    /// Counter at the last update.
    pub(crate) timestamp: u64,
    /// System time at the last update.
    pub(crate) nanoseconds: u64,
    /// Nanoseconds per shifted tick, in units of 2^-32.
    pub(crate) multiplier: u32,
    /// Power of two by which ticks are scaled first; negative divides.
    pub(crate) shift: i8,
}

impl TimeInfo {
    /// System time when the counter reads `ticks`. A counter before the last update counts as the
    /// update itself, so that time does not jump.
    pub(crate) fn at(&self, ticks: u64) -> u64 {
        let delta = u128::from(ticks.saturating_sub(self.timestamp));
        let by = u32::from(self.shift.unsigned_abs()).min(63);
        let scaled = if self.shift < 0 { delta >> by } else { delta << by };
        // 64 bits of ticks, at most 63 of shift: beyond 2^96 the product could overflow.
        let scaled = scaled.min(1 << 95);
        let passed = (scaled * u128::from(self.multiplier)) >> 32;
        self.nanoseconds.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }
}

/// The latest time that was told. Where the counters of two processors differ, so do Xen's times on them, and the
/// domain is moved between the two. libtpms takes a step back to before it started for some twenty thousand years,
/// and a TPM's Clock never runs back.
pub(crate) struct Latest(AtomicU64);

impl Latest {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// `now`, or what was told before when that is later.
    pub(crate) fn with(&self, now: u64) -> u64 {
        self.0.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_counter_of_one_gigahertz_gives_nanoseconds() {
        let info = TimeInfo { timestamp: 1000, nanoseconds: 5, multiplier: 1 << 31, shift: 1 };
        assert_eq!(info.at(3000), 2005);
    }

    #[test]
    fn a_negative_shift_divides() {
        let info = TimeInfo { timestamp: 0, nanoseconds: 0, multiplier: 1 << 31, shift: -1 };
        assert_eq!(info.at(4000), 1000);
    }

    #[test]
    fn a_counter_before_the_update_is_the_update() {
        let info = TimeInfo { timestamp: 100, nanoseconds: 7, multiplier: u32::MAX, shift: 0 };
        assert_eq!(info.at(99), 7);
    }

    #[test]
    fn time_does_not_run_back_when_the_domain_is_moved_to_a_processor_that_is_behind() {
        let ahead = TimeInfo { timestamp: 100, nanoseconds: 1_000, multiplier: 1 << 31, shift: 1 };
        let behind = TimeInfo { timestamp: 120, ..ahead };
        let latest = Latest::new();
        let told = [ahead.at(200), behind.at(201), behind.at(230)].map(|now| latest.with(now));
        assert_eq!(told, [1_100, 1_100, 1_110]);
    }

    proptest! {
        #[test]
        fn no_input_overflows_and_time_never_runs_back(
            timestamp: u64, nanoseconds: u64, multiplier: u32, shift: i8, first: u64, second: u64,
        ) {
            let info = TimeInfo { timestamp, nanoseconds, multiplier, shift };
            let (early, late) = (first.min(second), first.max(second));
            prop_assert!(info.at(early) <= info.at(late));
        }
    }
}

//! Clocks (POSIX <time.h>, <sys/time.h>).
#![allow(unsafe_code, reason = "C passes the result's place as a pointer")]

use crate::hooks;
use core::ffi::{c_int, c_long, c_void};
use core::time::Duration;

/// `struct timespec`, and with microseconds `struct timeval`, on x86-64 Linux.
#[repr(C)]
pub(super) struct Moment {
    seconds: i64,
    fraction: i64,
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Wall-clock time.
const CLOCK_REALTIME: c_int = 0;

/// All clocks but the wall clock are the monotonic one.
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn clock_gettime(clock: c_int, into: *mut Moment) -> c_int {
    let now = match clock {
        CLOCK_REALTIME => (hooks::get().wall)(),
        _ => (hooks::get().monotonic)(),
    };
    let moment = Moment { seconds: seconds(now), fraction: i64::from(now.subsec_nanos()) };
    // SAFETY: `into` is a place for a timespec.
    unsafe { into.write(moment) };
    0
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn gettimeofday(into: *mut Moment, _zone: *mut c_void) -> c_int {
    let now = (hooks::get().wall)();
    let moment = Moment { seconds: seconds(now), fraction: i64::from(now.subsec_micros()) };
    // SAFETY: `into` is a place for a timeval.
    unsafe { into.write(moment) };
    0
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn time(into: *mut i64) -> i64 {
    let now = seconds((hooks::get().wall)());
    if !into.is_null() {
        // SAFETY: `into` is null or a place for a time_t.
        unsafe { into.write(now) };
    }
    now
}

/// Processor time in microseconds: the domain's processor does nothing else.
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn clock() -> c_long {
    i64::try_from((hooks::get().monotonic)().as_micros()).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clock_is_the_hook_it_should_be() {
        crate::c::tests::install();
        let mut moment = Moment { seconds: 0, fraction: 0 };
        // SAFETY: `moment` is a place for the result.
        unsafe { clock_gettime(CLOCK_REALTIME, &raw mut moment) };
        assert_eq!((moment.seconds, moment.fraction), (1_700_000_000, 123_456_789));
        // SAFETY: as above.
        unsafe { clock_gettime(1, &raw mut moment) };
        assert_eq!((moment.seconds, moment.fraction), (5, 500_000_000));
        // SAFETY: as above.
        unsafe { gettimeofday(&raw mut moment, core::ptr::null_mut()) };
        assert_eq!((moment.seconds, moment.fraction), (1_700_000_000, 123_456));
        // SAFETY: null is allowed.
        assert_eq!(unsafe { time(core::ptr::null_mut()) }, 1_700_000_000);
        assert_eq!(clock(), 5_500_000);
    }
}

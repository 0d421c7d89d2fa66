//! Time since Xen started (`struct vcpu_time_info`, Xen public/xen.h).
#![allow(unsafe_code, reason = "Xen's shared page, and reading the time stamp counter")]

use crate::paging::SHARED_INFO;
use crate::pvclock::{Latest, TimeInfo};
use core::arch::asm;
use core::ptr;
use core::time::Duration;
use domain_io::Clock;

/// The domain's clock: runs since before this domain started, in all domains of a host alike, and never runs
/// backwards.
#[derive(Clone, Copy, Debug)]
pub struct DomainClock(());

impl DomainClock {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl Clock for DomainClock {
    fn now(&self) -> Duration {
        now()
    }
}

/// The time stamp counter, read after everything before it is done.
pub(crate) fn ticks() -> u64 {
    let (low, high): (u64, u64);
    // SAFETY: reads a counter.
    unsafe {
        asm!("lfence", "rdtsc", out("rax") low, out("rdx") high, options(nostack, nomem, preserves_flags));
    }
    high << 32 | low & 0xffff_ffff
}

static TOLD: Latest = Latest::new();

pub(crate) fn now() -> Duration {
    const TIME: usize = 32;
    let base = ptr::with_exposed_provenance::<u8>(SHARED_INFO as usize + TIME);
    // SAFETY: the page is mapped before anything asks for the time; all reads are volatile, aligned
    // and inside the structure of 32 bytes.
    let (version, info) = unsafe {
        (
            || base.cast::<u32>().read_volatile(),
            || TimeInfo {
                timestamp: base.add(8).cast::<u64>().read_volatile(),
                nanoseconds: base.add(16).cast::<u64>().read_volatile(),
                multiplier: base.add(24).cast::<u32>().read_volatile(),
                shift: base.add(28).cast::<i8>().read_volatile(),
            },
        )
    };
    loop {
        let before = version();
        let (ticks, info) = (ticks(), info());
        if before & 1 == 0 && version() == before {
            return Duration::from_nanos(TOLD.with(info.at(ticks)));
        }
    }
}

//! Waiting and ending (Xen public/sched.h).

use super::{Call, address, call};
use crate::sleep::POLL_PORTS;

/// Why a domain stops (`SHUTDOWN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum ShutdownReason {
    Poweroff = 0,
    Reboot = 1,
    Crash = 3,
}

#[repr(C)]
struct Poll {
    ports: u64,
    count: u32,
    /// Absolute system time in nanoseconds; 0 is "for ever".
    deadline: u64,
}

/// Sleeps until one of the ports is pending or the deadline has passed (`SCHEDOP_poll`). Returns
/// early for other reasons too.
pub(crate) fn poll(ports: &[u32], deadline: u64) {
    let ports = &ports[..ports.len().min(POLL_PORTS)];
    #[allow(clippy::cast_possible_truncation, reason = "at most 127")]
    let count = ports.len() as u32;
    let mut poll = Poll { ports: ports.as_ptr().expose_provenance() as u64, count, deadline };
    // SAFETY: SCHEDOP_poll (3) reads the structure and `count` port numbers, both alive here. Its
    // only failures are a bad count, excluded above, and a bad port, after which it returns at once.
    unsafe { call(Call::SchedOp, [3, address(&mut poll), 0, 0]) };
}

/// Ends this domain (`SCHEDOP_shutdown`).
pub(crate) fn shut_down(reason: ShutdownReason) -> ! {
    let mut reason = reason as u32;
    loop {
        // SAFETY: SCHEDOP_shutdown (2) reads one 32-bit reason.
        unsafe { call(Call::SchedOp, [2, address(&mut reason), 0, 0]) };
    }
}

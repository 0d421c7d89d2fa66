//! Pending marks of event channels, and waiting for them.
//!
//! All channels stay masked and upcalls stay off (PV: `evtchn_upcall_mask` is 1 from the start; PVH:
//! the interrupt flag is clear), so Xen never runs code on this stack: C code may use the red zone.
#![allow(unsafe_code, reason = "words in Xen's shared page")]

use crate::clock::DomainClock;
use crate::hypercall;
use crate::paging::SHARED_INFO;
use crate::sleep::{self, Plan};
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use domain_io::{Clock, PortNumber};

/// Words of 64 marks (`evtchn_pending`, `evtchn_mask` of `struct shared_info`, Xen public/xen.h).
const WORDS: usize = 64;
const PENDING: usize = 2048;
const MASK: usize = PENDING + WORDS * 8;

/// A word of the shared page. The page is Xen's, not another domain's, and Xen changes these words
/// with atomic operations.
fn word(offset: usize) -> &'static AtomicU64 {
    let place = ptr::with_exposed_provenance_mut::<u64>(SHARED_INFO as usize + offset);
    // SAFETY: mapped for ever before anything waits, aligned, and only accessed atomically.
    unsafe { AtomicU64::from_ptr(place) }
}

/// Masks every channel for good.
pub(crate) fn mask_all() {
    for index in 0..WORDS {
        word(MASK + index * 8).store(u64::MAX, Ordering::SeqCst);
    }
}

/// Clears a port's pending mark and says whether it was set.
pub(crate) fn take_pending(port: u32) -> bool {
    mark_of(port).is_some_and(|(word, mark)| word.fetch_and(!mark, Ordering::SeqCst) & mark != 0)
}

/// Whether a port's pending mark is set.
fn is_pending(port: u32) -> bool {
    mark_of(port).is_some_and(|(word, mark)| word.load(Ordering::SeqCst) & mark != 0)
}

/// The word and the bit of a port's pending mark.
fn mark_of(port: u32) -> Option<(&'static AtomicU64, u64)> {
    let (index, bit) = (port as usize / 64, port % 64);
    (index < WORDS).then(|| (word(PENDING + index * 8), 1 << bit))
}

/// The ability to sleep.
#[derive(Clone, Copy, Debug)]
pub struct Waiter {
    clock: DomainClock,
}

impl Waiter {
    pub(crate) const fn new(clock: DomainClock) -> Self {
        Self { clock }
    }

    /// Sleeps until one of the ports is pending or the moment has come; may also return earlier, so
    /// call it in a loop that looks at what it waits for. Nothing is cleared: that is
    /// [`EventPort::take_pending`](domain_io::EventPort::take_pending).
    ///
    /// Any number of ports may be given; beyond 127 a sleep is cut short after 20 ms, since Xen
    /// cannot be told about all of them. No event is lost: see [`sleep`].
    pub fn wait(&self, ports: &[PortNumber], until: Option<Duration>) {
        let numbers: Vec<u32> = ports.iter().map(|port| port.0).collect();
        match sleep::plan(&numbers, is_pending, self.clock.now(), until) {
            Plan::Look => {}
            Plan::Sleep(named, until) => wait_on(named, until),
        }
    }

    /// Sleeps for a while.
    pub fn sleep(&self, time: Duration) {
        let until = self.clock.now() + time;
        while self.clock.now() < until {
            wait_on(&[], Some(until));
        }
    }
}

/// Sleeps as [`Waiter::wait`] does, with ports that one call can name.
pub(crate) fn wait_on(ports: &[u32], until: Option<Duration>) {
    // Xen takes 0 as "no deadline"; a moment of 0 has passed long ago.
    let deadline = until.map_or(0, |until| u64::try_from(until.as_nanos()).unwrap_or(0).max(1));
    hypercall::poll(ports, deadline);
}

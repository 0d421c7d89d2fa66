//! What the C libraries took of the heap.

use core::sync::atomic::{AtomicUsize, Ordering};

/// What the C libraries hold of the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapUsage {
    /// Bytes held now, headers included.
    pub used: usize,
    /// The most ever held.
    pub peak: usize,
    /// Allocations ever made.
    pub allocations: usize,
    /// Allocations that failed. A failed one usually puts the TPM into failure mode.
    pub failures: usize,
}

pub(crate) static USED: AtomicUsize = AtomicUsize::new(0);
pub(crate) static PEAK: AtomicUsize = AtomicUsize::new(0);
pub(crate) static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
pub(crate) static FAILURES: AtomicUsize = AtomicUsize::new(0);

/// What the C libraries hold of the heap.
#[must_use]
pub fn heap_usage() -> HeapUsage {
    HeapUsage {
        used: USED.load(Ordering::Relaxed),
        peak: PEAK.load(Ordering::Relaxed),
        allocations: ALLOCATIONS.load(Ordering::Relaxed),
        failures: FAILURES.load(Ordering::Relaxed),
    }
}

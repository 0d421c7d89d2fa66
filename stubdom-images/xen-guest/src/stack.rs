//! How deep the image's stack ever was: it begins as zeros, and what lies below the deepest call still is.
#![allow(unsafe_code, reason = "symbols of boot/start.s, and a look below the stack pointer")]

use crate::memory::PAGE;
use core::ops::Range;
use core::ptr;

unsafe extern "C" {
    static xen_guest_stack_guard: u8;
    static xen_guest_stack_top: u8;
}

/// From the page above the guard to the top. Both ends are multiples of a page.
fn addresses() -> Range<usize> {
    let guard = (&raw const xen_guest_stack_guard).expose_provenance();
    guard + PAGE as usize..(&raw const xen_guest_stack_top).expose_provenance()
}

/// Bytes that it may grow to.
pub(crate) fn size() -> usize {
    addresses().len()
}

/// Bytes from its top to the lowest word that is not zero.
pub(crate) fn deepest() -> usize {
    let addresses = addresses();
    let top = addresses.end;
    let written = |address: &usize| {
        let word = ptr::with_exposed_provenance::<u64>(*address);
        // SAFETY: the address is a multiple of eight between two symbols of this image's own data, which is
        // mapped for as long as the image runs and initialised (the loader clears it). Only this, the
        // domain's one processor, writes there, and not during this read; no reference to it is made.
        unsafe { word.read_volatile() != 0 }
    };
    addresses.step_by(8).find(written).map_or(0, |lowest| top - lowest)
}

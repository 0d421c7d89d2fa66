//! malloc and its family (C17 7.22.3, POSIX posix_memalign) on Rust's global allocator.
#![allow(unsafe_code, reason = "C owns the memory it is given")]

use super::errno;
use crate::usage::{ALLOCATIONS, FAILURES, PEAK, USED};
use alloc::alloc::{Layout, alloc, dealloc};
use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

/// What every block is aligned to at least, and what lies in front of it: on x86-64, malloc's
/// result suits any type, `max_align_t` included.
const LEAST_ALIGNMENT: usize = 16;

/// In front of every block: what it takes to give it back.
#[repr(C)]
struct Header {
    size: usize,
    alignment: usize,
}

const _: () = assert!(size_of::<Header>() == LEAST_ALIGNMENT);

/// The whole block: one alignment unit whose last 16 bytes are the header, then `size` bytes.
fn layout(size: usize, alignment: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(alignment)?, alignment).ok()
}

fn take(size: usize, alignment: usize) -> *mut u8 {
    let Some(layout) = layout(size, alignment) else { return fail() };
    // SAFETY: the layout's size is at least the alignment, so not zero.
    let whole = unsafe { alloc(layout) };
    if whole.is_null() {
        return fail();
    }
    // SAFETY: the block has `alignment` bytes in front of the ones asked for, of which the last 16
    // hold the header; `alignment` is a power of two of at least 16, so the header is aligned.
    let block = unsafe {
        let block = whole.add(alignment);
        block.cast::<Header>().sub(1).write(Header { size, alignment });
        block
    };
    let used = USED.fetch_add(layout.size(), Relaxed).saturating_add(layout.size());
    PEAK.fetch_max(used, Relaxed);
    ALLOCATIONS.fetch_add(1, Relaxed);
    block
}

fn fail() -> *mut u8 {
    FAILURES.fetch_add(1, Relaxed);
    errno::set(errno::ENOMEM);
    core::ptr::null_mut()
}

/// # Safety
/// `block` came from [`take`] and was not freed.
unsafe fn header(block: *mut u8) -> Header {
    // SAFETY: `take` put the header right in front of the block.
    unsafe { block.cast::<Header>().sub(1).read() }
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn malloc(size: usize) -> *mut u8 {
    take(size, LEAST_ALIGNMENT)
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
    let Some(size) = count.checked_mul(size) else { return fail() };
    let block = malloc(size);
    if !block.is_null() {
        // SAFETY: the block has `size` bytes and nobody else knows it yet.
        unsafe { block.write_bytes(0, size) };
    }
    block
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn free(block: *mut u8) {
    if block.is_null() {
        return;
    }
    // SAFETY: C17 7.22.3.3: the block came from this family and was not freed.
    let Header { size, alignment } = unsafe { header(block) };
    let Some(layout) = layout(size, alignment) else { return };
    USED.fetch_sub(layout.size(), Relaxed);
    // SAFETY: this is the address and the layout of the allocation in `take`.
    unsafe { dealloc(block.sub(alignment), layout) };
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn realloc(old: *mut u8, size: usize) -> *mut u8 {
    let new = malloc(size);
    if old.is_null() || new.is_null() {
        return new;
    }
    // SAFETY: C17 7.22.3.5: `old` came from this family and was not freed; the two blocks are
    // different allocations, each with at least the number of bytes that is copied.
    unsafe {
        let kept = header(old).size.min(size);
        core::ptr::copy_nonoverlapping(old, new, kept);
        free(old);
    }
    new
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn posix_memalign(
    into: *mut *mut u8,
    alignment: usize,
    size: usize,
) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<usize>()) {
        return errno::EINVAL;
    }
    let block = take(size, alignment.max(LEAST_ALIGNMENT));
    if block.is_null() {
        return errno::ENOMEM;
    }
    // SAFETY: POSIX: `into` is a place for a pointer.
    unsafe { into.write(block) };
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_kept_and_zeroed_as_promised() {
        let mut blocks = alloc::vec::Vec::new();
        for size in [0, 1, 15, 16, 17, 4096, 100_000] {
            let block = calloc(size, 1);
            assert_eq!(block.addr() % LEAST_ALIGNMENT, 0);
            // SAFETY: the block has `size` bytes, all zeroed.
            let bytes = unsafe { core::slice::from_raw_parts_mut(block, size) };
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(u8::try_from(size % 251).unwrap());
            blocks.push((block, size));
        }
        for (block, size) in blocks {
            // SAFETY: the block came from calloc above.
            let grown = unsafe { realloc(block, size + 100) };
            // SAFETY: `size` of its bytes were written above.
            let bytes = unsafe { core::slice::from_raw_parts(grown, size) };
            assert!(bytes.iter().all(|byte| usize::from(*byte) == size % 251));
            // SAFETY: it came from realloc.
            unsafe { free(grown) };
        }
    }

    #[test]
    fn alignment_is_honoured_or_refused() {
        for alignment in [8, 16, 64, 4096] {
            let mut block = core::ptr::null_mut();
            // SAFETY: `block` is a place for a pointer.
            assert_eq!(unsafe { posix_memalign(&raw mut block, alignment, 100) }, 0);
            assert_eq!(block.addr() % alignment, 0);
            // SAFETY: it came from posix_memalign.
            unsafe { free(block) };
        }
        let mut block = core::ptr::null_mut();
        // SAFETY: `block` is a place for a pointer.
        assert_eq!(unsafe { posix_memalign(&raw mut block, 24, 1) }, errno::EINVAL);
    }

    #[test]
    fn what_cannot_be_had_is_null_and_counted() {
        let before = FAILURES.load(Relaxed);
        assert!(malloc(usize::MAX).is_null());
        assert!(malloc(usize::MAX - 15).is_null());
        assert!(calloc(usize::MAX / 2, 3).is_null());
        assert_eq!(FAILURES.load(Relaxed), before + 3);
    }
}

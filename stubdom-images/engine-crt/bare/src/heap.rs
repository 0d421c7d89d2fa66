//! The heap: TLSF, as in the image, so that every allocation takes the same time.
#![allow(unsafe_code, reason = "implements a global allocator")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};

/// What the engine gets in the image.
const ARENA_BYTES: usize = 2 << 20;

struct Heap {
    tlsf: UnsafeCell<rlsf::Tlsf<'static, u32, u32, 22, 32>>,
    /// Bytes that may still be handed out; for running out on purpose.
    left: UnsafeCell<usize>,
}

// SAFETY: there is one thread.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap =
    Heap { tlsf: UnsafeCell::new(rlsf::Tlsf::new()), left: UnsafeCell::new(usize::MAX) };

struct Arena(UnsafeCell<[MaybeUninit<u8>; ARENA_BYTES]>);

// SAFETY: there is one thread.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([MaybeUninit::uninit(); ARENA_BYTES]));

// SAFETY: TLSF gives distinct blocks of the asked size and alignment, and takes back what it gave.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and TLSF calls nothing back.
        unsafe {
            let left = &mut *self.left.get();
            let Some(rest) = left.checked_sub(layout.size()) else { return null_mut() };
            if *left != usize::MAX {
                *left = rest;
            }
            (*self.tlsf.get()).allocate(layout).map_or(null_mut(), NonNull::as_ptr)
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: one thread; the caller gives back a block of that layout, which is not null.
        unsafe {
            let left = &mut *self.left.get();
            if *left != usize::MAX {
                *left = left.saturating_add(layout.size());
            }
            (*self.tlsf.get()).deallocate(NonNull::new_unchecked(block), layout.align());
        }
    }
}

/// Gives the arena to the allocator; once, first.
pub(crate) fn start() {
    // SAFETY: one thread, called once; the arena is used by nothing else.
    unsafe { (*HEAP.tlsf.get()).insert_free_block(&mut *ARENA.0.get()) };
}

/// From now on at most this much more is in use at a time.
pub(crate) fn limit(bytes: usize) {
    // SAFETY: one thread.
    unsafe { *HEAP.left.get() = bytes };
}

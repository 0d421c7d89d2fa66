//! The heap: all memory that is left, in a two-level segregated-fit allocator, whose calls take
//! constant time however full it is.
#![allow(unsafe_code, reason = "a global allocator")]

use crate::ending::fatal;
use crate::memory::Ranges;
use crate::memory_need::TooLittleMemory;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};
use rlsf::Tlsf;

/// Below this, not even the runtime's own needs are met.
const LEAST_BYTES: u64 = 256 * 1024;

/// 27 levels above 32 bytes: blocks up to 4 GiB.
type Blocks = Tlsf<'static, u32, u32, 27, 16>;

struct Heap(UnsafeCell<Blocks>);

// SAFETY: one vCPU, no interrupts, and fault handlers never allocate: calls never overlap.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Blocks::new()));
static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: rlsf returns blocks that fit the layout and do not overlap; null when there is none.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other reference exists, see `Sync` above.
        let blocks = unsafe { &mut *self.0.get() };
        match blocks.allocate(layout) {
            Some(block) => {
                let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
                PEAK.fetch_max(used, Ordering::Relaxed);
                block.as_ptr()
            }
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the caller gives back a block of this allocator, hence not null.
        unsafe { (*self.0.get()).deallocate(NonNull::new_unchecked(block), layout.align()) };
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
    }
}

/// Gives all free memory to the heap; returns how many bytes that is.
pub(crate) fn start(free: &Ranges) -> usize {
    if let Err(error) = TooLittleMemory::check(free.bytes(), LEAST_BYTES) {
        fatal(format_args!("{error}"));
    }
    for range in free.iter() {
        let start = ptr::with_exposed_provenance_mut::<u8>(range.start as usize);
        let block = ptr::slice_from_raw_parts_mut(start, range.bytes() as usize);
        // SAFETY: mapped for writing, used by nothing else, and never page 0; no other reference to
        // the allocator exists.
        unsafe {
            if let Some(block) = NonNull::new(block) {
                (*HEAP.0.get()).insert_free_block_ptr(block);
            }
        }
    }
    free.bytes() as usize
}

/// Bytes allocated now.
pub(crate) fn used() -> usize {
    USED.load(Ordering::Relaxed)
}

/// Most bytes ever allocated at one time.
pub(crate) fn peak() -> usize {
    PEAK.load(Ordering::Relaxed)
}

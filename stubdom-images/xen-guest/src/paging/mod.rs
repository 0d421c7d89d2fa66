//! Page tables: one right per page, and a small area of addresses where foreign pages appear.
//!
//! Memory is mapped one to one in both modes (virtual address = frame number of this domain times
//! 4096). Above it, at [`AREA`], are two tables of 512 pages for everything that is not our memory.
#![allow(unsafe_code, reason = "page tables are memory that the CPU and Xen read")]

pub(crate) mod pv;
pub(crate) mod pvh;

use crate::boot::{Mode, mode};
use crate::ending::fatal;
use crate::hypercall;
use crate::memory::{Layout, PAGE, Range, Rights};

/// Bytes covered by one lowest-level table.
const TABLE_REACH: u64 = 512 * PAGE;

/// Start of the area for foreign pages, outside all memory in use.
pub(crate) const AREA: u64 = 0xe000_0000;
/// Lowest-level tables of the area.
const AREA_TABLES: u64 = 2;
/// No memory at or above this address is used.
pub(crate) const MEMORY_LIMIT: u64 = 0xc000_0000;

/// Page of Xen's `shared_info`.
pub(crate) const SHARED_INFO: u64 = AREA;
/// Page of the console ring.
pub(crate) const CONSOLE_RING: u64 = AREA + PAGE;
/// Page of the xenstore ring.
pub(crate) const STORE_RING: u64 = AREA + 2 * PAGE;
/// A page at which nothing is ever mapped.
pub(crate) const UNUSED: u64 = AREA + 3 * PAGE;
/// The one frame of the grant table.
pub(crate) const GRANT_TABLE: u64 = AREA + 8 * PAGE;
/// Pages for registers of devices.
pub(crate) const DEVICE_PAGES: Range = Range::new(AREA + 16 * PAGE, AREA + 32 * PAGE);
/// Pages for grants of other domains.
pub(crate) const GRANT_WINDOWS: Range =
    Range::new(AREA + 64 * PAGE, AREA + AREA_TABLES * TABLE_REACH);

unsafe extern "C" {
    static xen_guest_image_start: u8;
    static xen_guest_text_end: u8;
    static xen_guest_rodata_end: u8;
    static xen_guest_image_end: u8;
    static xen_guest_stack_guard: u8;
}

/// The layout of this image, from the linker script.
pub(crate) fn layout() -> Layout {
    let start = (&raw const xen_guest_image_start).addr() as u64;
    let text_end = (&raw const xen_guest_text_end).addr() as u64;
    let rodata_end = (&raw const xen_guest_rodata_end).addr() as u64;
    let end = (&raw const xen_guest_image_end).addr() as u64;
    let guard = (&raw const xen_guest_stack_guard).addr() as u64;
    Layout {
        text: Range::new(start, text_end),
        rodata: Range::new(text_end, rodata_end),
        guard: Range::new(guard, guard + PAGE),
        image: Range::new(start, end),
    }
}

/// Pages for page tables, taken upwards from the first free one.
pub(crate) struct Pool {
    next: u64,
    end: u64,
}

impl Pool {
    pub(crate) const fn new(range: Range) -> Self {
        Self { next: range.start, end: range.end }
    }

    /// The first page not taken.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// A zeroed page, mapped for writing.
    fn page(&mut self) -> u64 {
        if self.next + PAGE > self.end {
            fatal(format_args!("too little memory for page tables: raise memory= of this domain"));
        }
        let page = self.next;
        self.next += PAGE;
        let start = core::ptr::with_exposed_provenance_mut::<u8>(page as usize);
        // SAFETY: the boot code made the pool of free memory that is mapped for writing.
        unsafe { start.write_bytes(0, PAGE as usize) };
        page
    }
}

/// The machine frame behind an address of ours, as Xen and backends name it.
pub(crate) fn frame_of(address: u64) -> u64 {
    match mode() {
        Mode::Pv => pv::machine_frame(address / PAGE),
        Mode::Pvh => address / PAGE,
    }
}

/// Maps a frame into the area; with [`Rights::None`] takes the mapping away.
///
/// # Safety
/// `address` must be a page of the area which nothing else uses.
pub(crate) unsafe fn map(address: u64, frame: u64, rights: Rights) -> Result<(), i32> {
    debug_assert!((AREA..AREA + AREA_TABLES * TABLE_REACH).contains(&address));
    match mode() {
        Mode::Pv => {
            // SAFETY: the caller vouches for the page.
            unsafe { hypercall::update_va_mapping(address, pv::entry(frame, rights)) }
        }
        Mode::Pvh => {
            // SAFETY: the caller vouches for the page.
            unsafe { pvh::set_area_entry(address, frame, rights) };
            Ok(())
        }
    }
}

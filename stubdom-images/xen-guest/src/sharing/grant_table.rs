//! The grant table: which of our pages other domains may map (Xen public/grant_table.h, version 1).
#![allow(unsafe_code, reason = "entries that Xen changes, and pages that other domains map")]

use crate::paging::{self, GRANT_TABLE};
use alloc::alloc::{alloc_zeroed, dealloc};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, Ordering, fence};
use domain_io::PAGE_BYTES;

/// Entries of one frame; the first eight are Xen's.
const FIRST: u32 = 8;
const ENTRIES: u32 = 512;
const ENTRY_BYTES: usize = 8;

const PERMIT_ACCESS: u16 = 1;
/// Set by Xen while the other domain has the page mapped (`GTF_reading`, `GTF_writing`).
const IN_USE: u16 = 8 | 16;

const PAGE: Layout = match Layout::from_size_align(PAGE_BYTES, PAGE_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!("a page is a valid layout"),
};

/// One of our pages, granted to another domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    pub(super) page: NonNull<u8>,
    pub(super) reference: u32,
}

/// Which entries are free, and pages whose peers have not let go of them.
#[derive(Debug)]
pub(super) struct GrantTable {
    free: Vec<u32>,
    held: Vec<Granted>,
}

impl GrantTable {
    pub(super) fn new() -> Self {
        Self { free: (FIRST..ENTRIES).rev().collect(), held: Vec::new() }
    }

    /// Grants a fresh zeroed page to `peer` for reading and writing.
    pub(super) fn grant(&mut self, peer: u16) -> Option<Granted> {
        self.collect();
        let reference = self.free.pop()?;
        // SAFETY: the layout is not empty.
        let Some(page) = NonNull::new(unsafe { alloc_zeroed(PAGE) }) else {
            self.free.push(reference);
            return None;
        };
        let Ok(frame) = u32::try_from(paging::frame_of(page.expose_provenance().get() as u64))
        else {
            // Version 1 entries name frames below 16 TiB of machine memory only.
            // SAFETY: just allocated with this layout and given to nobody.
            unsafe { dealloc(page.as_ptr(), PAGE) };
            self.free.push(reference);
            return None;
        };
        let entry = entry(reference);
        // SAFETY: an entry of the table that is not in use; Xen reads the rest once flags are set.
        unsafe {
            entry.byte_add(2).write_volatile(peer);
            entry.byte_add(4).cast::<u32>().write_volatile(frame);
        }
        fence(Ordering::SeqCst);
        flags(reference).store(PERMIT_ACCESS, Ordering::SeqCst);
        Some(Granted { page, reference })
    }

    /// Ends a grant. While the peer has the page mapped it is kept aside: it would otherwise write
    /// into whatever lies there next.
    pub(super) fn end(&mut self, granted: Granted) {
        if let Some(kept) = self.try_end(granted) {
            self.held.push(kept);
        }
    }

    /// Ends a grant whether or not the peer has the page mapped. Only Xen knows from then on, so neither
    /// the page nor the entry may be used for anything else ever again.
    pub(super) fn revoke(granted: Granted) {
        flags(granted.reference).store(0, Ordering::SeqCst);
    }

    /// Takes back pages whose peers have let go.
    fn collect(&mut self) {
        for granted in core::mem::take(&mut self.held) {
            self.end(granted);
        }
    }

    fn try_end(&mut self, granted: Granted) -> Option<Granted> {
        let flags = flags(granted.reference);
        let mut now = flags.load(Ordering::SeqCst);
        loop {
            if now & IN_USE != 0 {
                return Some(granted);
            }
            match flags.compare_exchange(now, 0, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => break,
                Err(changed) => now = changed,
            }
        }
        // SAFETY: allocated by `grant` with this layout; nobody can map it any more.
        unsafe { dealloc(granted.page.as_ptr(), PAGE) };
        self.free.push(granted.reference);
        None
    }
}

/// The address of an entry, which begins with its flags.
fn entry(reference: u32) -> *mut u16 {
    let address = GRANT_TABLE as usize + reference as usize * ENTRY_BYTES;
    core::ptr::with_exposed_provenance_mut(address)
}

fn flags(reference: u32) -> &'static AtomicU16 {
    // SAFETY: the table is mapped for ever, the place is aligned, and flags are changed atomically
    // only, by Xen as well.
    unsafe { AtomicU16::from_ptr(entry(reference)) }
}

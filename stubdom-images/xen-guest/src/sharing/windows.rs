//! Windows: addresses at which pages of other domains appear.
#![allow(unsafe_code, reason = "mapping pages of other domains")]

use crate::boot::{Mode, mode};
use crate::hypercall;
use crate::memory::{PAGE, Rights};
use crate::paging::{self, GRANT_WINDOWS};
use alloc::vec::Vec;

/// `GNTST_no_space`.
const NO_SPACE: i16 = -13;

/// A page of another domain, mapped.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) address: u64,
    handle: u32,
}

/// The windows that are free.
#[derive(Debug)]
pub(super) struct Windows {
    free: Vec<u64>,
}

impl Windows {
    pub(super) fn new() -> Self {
        let count = GRANT_WINDOWS.bytes() / PAGE;
        let free = (0..count).rev().map(|index| GRANT_WINDOWS.start + index * PAGE).collect();
        Self { free }
    }

    /// Maps a grant; Xen's status when that fails, `None` inside when there is no window left.
    pub(super) fn map(&mut self, owner: u16, reference: u32) -> Result<Mapped, Option<i16>> {
        let address = self.free.pop().ok_or(None)?;
        let mapped = map_at(address, owner, reference);
        if mapped.is_err() {
            self.free.push(address);
        }
        mapped.map(|handle| Mapped { address, handle }).map_err(Some)
    }

    /// Takes a mapping back. A window that Xen does not give back is never used again.
    pub(super) fn unmap(&mut self, mapped: &Mapped) {
        if mode() == Mode::Pvh {
            // SAFETY: the window's owner gives it up.
            let _ = unsafe { paging::map(mapped.address, 0, Rights::None) };
        }
        // SAFETY: as above; address and handle are of one mapping.
        match unsafe { hypercall::unmap_grant(mapped.address, mapped.handle) } {
            Ok(()) => self.free.push(mapped.address),
            Err(status) => log::error!("Xen did not take a mapped page back (GNTST {status})"),
        }
    }
}

/// In PV, Xen writes the page table entry itself. In PVH the page appears at a guest-physical frame
/// outside of all memory, with the window's own number.
fn map_at(address: u64, owner: u16, reference: u32) -> Result<u32, i16> {
    // SAFETY: a free window, at which nothing is mapped.
    let handle = unsafe { hypercall::map_grant(address, owner, reference) }?;
    if mode() == Mode::Pvh {
        // SAFETY: as above.
        unsafe { paging::map(address, address / PAGE, Rights::Write) }.map_err(|_| NO_SPACE)?;
    }
    Ok(handle)
}

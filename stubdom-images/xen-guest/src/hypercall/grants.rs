//! Grant table calls (Xen public/grant_table.h).

use super::{Call, DOMID_SELF, address, call, errno};

const MAP_GRANT_REF: u64 = 0;
const UNMAP_GRANT_REF: u64 = 1;
const SETUP_TABLE: u64 = 2;
const GNTMAP_HOST_MAP: u32 = 2;

#[repr(C)]
struct MapGrantRef {
    host_address: u64,
    flags: u32,
    reference: u32,
    domain: u16,
    status: i16,
    handle: u32,
    bus_address: u64,
}

#[repr(C)]
struct UnmapGrantRef {
    host_address: u64,
    bus_address: u64,
    handle: u32,
    status: i16,
}

#[repr(C)]
struct SetupTable {
    domain: u16,
    frames: u32,
    status: i16,
    list: u64,
}

/// Maps a page granted by `owner` at an address of this domain: virtual in PV, guest-physical in
/// PVH. Returns Xen's handle for the unmapping.
///
/// # Safety
/// Nothing else may live at `host_address`, which must be page-aligned.
pub(crate) unsafe fn map_grant(host_address: u64, owner: u16, reference: u32) -> Result<u32, i16> {
    let mut map = MapGrantRef {
        host_address,
        flags: GNTMAP_HOST_MAP,
        reference,
        domain: owner,
        status: 0,
        handle: 0,
        bus_address: 0,
    };
    // SAFETY: one structure is read and written; the caller vouches for the place of the mapping.
    let result = unsafe { call(Call::GrantTableOp, [MAP_GRANT_REF, address(&mut map), 1, 0]) };
    grant_status(result, map.status)?;
    Ok(map.handle)
}

/// Takes a mapping back.
///
/// # Safety
/// `host_address` and `handle` must be of one mapping made by [`map_grant`], which is no longer used.
pub(crate) unsafe fn unmap_grant(host_address: u64, handle: u32) -> Result<(), i16> {
    let mut unmap = UnmapGrantRef { host_address, bus_address: 0, handle, status: 0 };
    // SAFETY: one structure is read and written; the caller gives the mapping up.
    let result = unsafe { call(Call::GrantTableOp, [UNMAP_GRANT_REF, address(&mut unmap), 1, 0]) };
    grant_status(result, unmap.status)
}

/// Whether Xen knows a domain of this number. There is no call for that question; mapping a grant
/// that cannot exist fails for another reason when the domain does not exist either.
///
/// # Safety
/// Nothing may live at `unused`, which must be page-aligned.
pub(crate) unsafe fn domain_exists(domain: u16, unused: u64) -> bool {
    const BAD_DOMAIN: i16 = -2;
    // SAFETY: the caller vouches for the place; no grant table is long enough for this reference.
    match unsafe { map_grant(unused, domain, u32::MAX) } {
        Err(BAD_DOMAIN) => false,
        Err(_) => true,
        Ok(handle) => {
            // SAFETY: just mapped, and used by nobody.
            let _ = unsafe { unmap_grant(unused, handle) };
            true
        }
    }
}

/// Makes the grant table one frame long and returns that frame's machine number (PV only).
pub(crate) fn grant_table_frame() -> Result<u64, i32> {
    let mut frame = 0_u64;
    let mut setup =
        SetupTable { domain: DOMID_SELF, frames: 1, status: 0, list: address(&mut frame) };
    // SAFETY: one structure is read and written, and one frame number is written to `frame`.
    errno(unsafe { call(Call::GrantTableOp, [SETUP_TABLE, address(&mut setup), 1, 0]) })?;
    if setup.status != 0 {
        return Err(i32::from(setup.status));
    }
    // SAFETY: `frame` is alive; Xen wrote it through an address the compiler cannot follow.
    Ok(unsafe { core::ptr::read_volatile(&raw const frame) })
}

/// A failed call counts as a general error (-1); else the operation's own status decides.
fn grant_status(result: i64, status: i16) -> Result<(), i16> {
    match (errno(result), status) {
        (Ok(()), 0) => Ok(()),
        (Ok(()), status) => Err(status),
        (Err(_), _) => Err(-1),
    }
}

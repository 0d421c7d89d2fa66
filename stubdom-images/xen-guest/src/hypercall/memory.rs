//! Calls of a PVH domain: its physical map and its parameters (Xen public/memory.h, hvm/params.h).

use super::{Call, DOMID_SELF, address, call, errno};

/// What [`add_to_physmap`] can bring in (`XENMAPSPACE_*`).
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum MapSpace {
    SharedInfo = 0,
    GrantTable = 1,
}

/// Parameters that the domain builder left (`HVM_PARAM_*`).
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum HvmParam {
    StoreFrame = 1,
    StorePort = 2,
    ConsoleFrame = 17,
    ConsolePort = 18,
}

#[repr(C)]
struct AddToPhysmap {
    domain: u16,
    size: u16,
    space: u32,
    index: u64,
    frame: u64,
}

#[repr(C)]
struct GetParam {
    domain: u16,
    index: u32,
    value: u64,
}

/// Makes page 0 of a space appear at a guest-physical frame (`XENMEM_add_to_physmap`).
///
/// # Safety
/// The frame must not be used for anything else: its former contents vanish.
pub(crate) unsafe fn add_to_physmap(space: MapSpace, frame: u64) -> Result<(), i32> {
    let mut add =
        AddToPhysmap { domain: DOMID_SELF, size: 0, space: space as u32, index: 0, frame };
    // SAFETY: operation 7 reads this structure; the caller vouches for the frame.
    errno(unsafe { call(Call::MemoryOp, [7, address(&mut add), 0, 0]) })
}

/// Reads one parameter of this domain (`HVMOP_get_param`).
pub(crate) fn hvm_param(param: HvmParam) -> Result<u64, i32> {
    let mut get = GetParam { domain: DOMID_SELF, index: param as u32, value: 0 };
    // SAFETY: operation 1 reads and writes this structure.
    errno(unsafe { call(Call::HvmOp, [1, address(&mut get), 0, 0]) })?;
    Ok(get.value)
}

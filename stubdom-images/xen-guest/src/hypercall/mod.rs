//! Calls into Xen, one typed function per operation used.
//!
//! Structures are those of Xen's public headers for x86-64; each is `repr(C)` and lives on the
//! stack only for the time of the call.

#![allow(unsafe_code, reason = "the only way into Xen is a call the compiler cannot check")]

mod events;
mod grants;
mod labels;
mod memory;
mod pv;
mod sched;

pub(crate) use events::*;
pub(crate) use grants::*;
pub(crate) use labels::*;
pub(crate) use memory::*;
pub(crate) use pv::*;
pub(crate) use sched::*;

use core::arch::asm;

/// "This domain" wherever Xen takes a domain number (`DOMID_SELF`, Xen public/xen.h).
pub(crate) const DOMID_SELF: u16 = 0x7ff0;

/// Hypercall numbers (Xen public/xen.h, `__HYPERVISOR_*`).
#[derive(Clone, Copy)]
#[repr(u64)]
enum Call {
    SetTrapTable = 0,
    MmuUpdate = 1,
    MemoryOp = 12,
    UpdateVaMapping = 14,
    XenVersion = 17,
    ConsoleIo = 18,
    GrantTableOp = 20,
    SetSegmentBase = 25,
    MmuExtOp = 26,
    XsmOp = 27,
    SchedOp = 29,
    EventChannelOp = 32,
    HvmOp = 34,
}

unsafe extern "C" {
    /// 128 entries of 32 bytes, filled by Xen.
    static xen_guest_hypercall_page: [u8; 4096];
}

/// Calls Xen through the hypercall page.
///
/// # Safety
/// The arguments must be what this call expects; addresses among them must point to memory that is
/// valid for what Xen reads and writes there.
unsafe fn call(number: Call, arguments: [u64; 4]) -> i64 {
    let [a, b, c, d] = arguments;
    let entry = (&raw const xen_guest_hypercall_page).addr() as u64 + number as u64 * 32;
    let result: i64;
    // SAFETY: the entry is code placed by Xen that keeps every register but those named here; the
    // caller vouches for the arguments. Not `nostack`: the call itself pushes.
    unsafe {
        asm!(
            "call {entry}",
            entry = in(reg) entry,
            lateout("rax") result,
            inlateout("rdi") a => _,
            inlateout("rsi") b => _,
            inlateout("rdx") c => _,
            inlateout("r10") d => _,
            lateout("rcx") _, lateout("r11") _, lateout("r8") _, lateout("r9") _,
        );
    }
    result
}

/// The address of a call's argument, exposed to whoever is called.
fn address<T>(argument: &mut T) -> u64 {
    (&raw mut *argument).expose_provenance() as u64
}

/// A negative errno as `Err`, anything else as `Ok`.
#[allow(clippy::cast_possible_truncation, reason = "an errno fits")]
fn errno(result: i64) -> Result<(), i32> {
    if result < 0 { Err(result as i32) } else { Ok(()) }
}

/// Version of the running Xen: major and minor number (`XENVER_version`).
pub(crate) fn xen_version() -> (u16, u16) {
    // SAFETY: XENVER_version (0) takes no argument.
    let version = unsafe { call(Call::XenVersion, [0, 0, 0, 0]) };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "two 16-bit halves")]
    let halves = ((version >> 16) as u16, version as u16);
    halves
}

/// Writes to Xen's own log (`CONSOLEIO_write`); only Xen builds with debugging let a guest do so.
pub(crate) fn write_to_xen_log(text: &[u8]) {
    // SAFETY: Xen reads `len` bytes at the address, which is this slice.
    unsafe {
        call(Call::ConsoleIo, [0, text.len() as u64, text.as_ptr().expose_provenance() as u64, 0])
    };
}

//! Calls of a PV domain: page tables, traps, segments (Xen public/xen.h, arch-x86/xen.h).

use super::{Call, DOMID_SELF, address, call, errno};

/// One entry of the trap table (`struct trap_info`); a zero address ends the table.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Trap {
    pub(crate) vector: u8,
    pub(crate) flags: u8,
    pub(crate) selector: u16,
    pub(crate) address: u64,
}

/// One page table entry to write (`struct mmu_update`).
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct MmuUpdate {
    /// Machine address of the entry.
    pub(crate) entry: u64,
    /// The new entry.
    pub(crate) value: u64,
}

#[repr(C)]
struct MmuExtOp {
    command: u32,
    argument1: u64,
    argument2: u64,
}

/// Registers the handlers of exceptions.
///
/// # Safety
/// The table must end in an entry with address 0 and name real handlers.
pub(crate) unsafe fn set_trap_table(table: &[Trap]) -> Result<(), i32> {
    // SAFETY: Xen reads entries up to the one with address 0; the caller vouches for them.
    errno(unsafe { call(Call::SetTrapTable, [table.as_ptr().expose_provenance() as u64, 0, 0, 0]) })
}

/// Replaces the lowest-level page table entry of one address and flushes it.
///
/// # Safety
/// Nothing that Rust believes about the memory at `va` may become false.
pub(crate) unsafe fn update_va_mapping(va: u64, entry: u64) -> Result<(), i32> {
    const FLUSH_ONE: u64 = 2;
    // SAFETY: no memory is passed; the caller vouches for the effect.
    errno(unsafe { call(Call::UpdateVaMapping, [va, entry, FLUSH_ONE, 0]) })
}

/// Writes page table entries.
///
/// # Safety
/// As [`update_va_mapping`], for each entry.
pub(crate) unsafe fn mmu_update(updates: &[MmuUpdate]) -> Result<(), i32> {
    let list = updates.as_ptr().expose_provenance() as u64;
    let arguments = [list, updates.len() as u64, 0, u64::from(DOMID_SELF)];
    // SAFETY: Xen reads the list; the caller vouches for the effect.
    errno(unsafe { call(Call::MmuUpdate, arguments) })
}

/// Forgets cached translations of this CPU (`MMUEXT_TLB_FLUSH_LOCAL`).
pub(crate) fn flush_translations() -> Result<(), i32> {
    let mut flush = MmuExtOp { command: 6, argument1: 0, argument2: 0 };
    let arguments = [address(&mut flush), 1, 0, u64::from(DOMID_SELF)];
    // SAFETY: one structure is read; a flush changes no mapping.
    errno(unsafe { call(Call::MmuExtOp, arguments) })
}

/// Sets the base of %fs (`SEGBASE_FS`).
///
/// # Safety
/// Code that uses %fs must find there what it expects.
pub(crate) unsafe fn set_fs_base(base: u64) -> Result<(), i32> {
    // SAFETY: the caller vouches for the effect.
    errno(unsafe { call(Call::SetSegmentBase, [0, base, 0, 0]) })
}

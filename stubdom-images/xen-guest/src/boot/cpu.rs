//! What C code expects of the CPU: a thread block behind %fs with a stack canary.

use super::{Mode, mode};
use crate::entropy::hardware;
use crate::{clock, hypercall};
use core::arch::asm;
use core::cell::UnsafeCell;

const FS_BASE: u32 = 0xc000_0100;
/// Offset of the canary in the thread block (System V ABI for x86-64 as GCC uses it).
const CANARY: usize = 0x28 / 8;

/// The block %fs points to; only the canary is ever read.
#[repr(C, align(64))]
struct ThreadBlock(UnsafeCell<[u64; 8]>);

// SAFETY: one vCPU without interrupts; written once, before C code runs.
unsafe impl Sync for ThreadBlock {}

static BLOCK: ThreadBlock = ThreadBlock(UnsafeCell::new([0; 8]));

/// Points %fs to a block with a fresh canary. The canary is hardening only: without a hardware
/// source it is made of the time, and nothing else depends on it.
pub(super) fn prepare_thread_block() {
    let random = hardware::Sources::detect().word().unwrap_or(0);
    let ticks = clock::ticks();
    let mixed = (random ^ ticks.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ticks;
    // A zero byte stops string functions from copying over it unseen.
    let canary = mixed & !0xff;
    let base = BLOCK.0.get();
    // SAFETY: nothing else has a pointer to the block yet.
    unsafe {
        (*base)[0] = base.expose_provenance() as u64;
        (*base)[CANARY] = canary;
    }
    set_fs(base.expose_provenance() as u64);
}

fn set_fs(base: u64) {
    match mode() {
        Mode::Pv => {
            // SAFETY: the block is static and has the shape that users of %fs expect.
            let set = unsafe { hypercall::set_fs_base(base) };
            if let Err(errno) = set {
                crate::ending::fatal(format_args!("Xen refused the base of %fs (errno {errno})"));
            }
        }
        Mode::Pvh => {
            let (low, high) = (base & 0xffff_ffff, base >> 32);
            // SAFETY: as above; the register exists on every x86-64 CPU.
            unsafe { asm!("wrmsr", in("ecx") FS_BASE, in("eax") low, in("edx") high) };
        }
    }
}

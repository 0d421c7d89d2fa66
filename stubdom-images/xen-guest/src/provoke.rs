//! Faults on demand, for the image that shows how this runtime ends them. Every function here
//! brings the domain down; code that is not called is not linked.
#![allow(unsafe_code, reason = "the accesses that must not succeed are the point")]

use crate::paging;
use core::hint::black_box;
use core::ptr;

/// Reads through a null pointer.
pub fn read_null() -> u8 {
    // SAFETY: none of these accesses is sound; each must hit a page right and end the domain.
    unsafe { black_box(ptr::null::<u8>()).read_volatile() }
}

/// Writes to the image's own code.
pub fn write_to_code() {
    let code =
        ptr::with_exposed_provenance_mut::<u8>(black_box(paging::layout().text.start as usize));
    // SAFETY: as in `read_null`.
    unsafe { code.write_volatile(0xc3) };
}

/// Writes to the image's constants.
pub fn write_to_constants() {
    let constants = paging::layout().rodata.start as usize;
    let constants = ptr::with_exposed_provenance_mut::<u8>(black_box(constants));
    // SAFETY: as in `read_null`.
    unsafe { constants.write_volatile(0) };
}

/// Runs bytes on the stack that would return at once.
pub fn run_data() {
    let code = black_box([0xc3_u8; 16]);
    // SAFETY: as in `read_null`.
    let function = unsafe { core::mem::transmute::<*const u8, extern "C" fn()>(code.as_ptr()) };
    function();
}

/// Runs bytes on the heap that would return at once.
pub fn run_heap() {
    let code = black_box(alloc::vec![0xc3_u8; 16]);
    // SAFETY: as in `read_null`.
    let function = unsafe { core::mem::transmute::<*const u8, extern "C" fn()>(code.as_ptr()) };
    function();
}

/// Calls itself until the stack has no room.
#[allow(unconditional_recursion, reason = "it ends at the guard page")]
pub fn overflow_stack(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    overflow_stack(depth.wrapping_add(1)).wrapping_add(frame[7])
}

/// The value at %fs:0x28, which C code compares against, and the address of its block.
#[must_use]
pub fn stack_canary() -> (u64, u64) {
    let (block, canary): (u64, u64);
    // SAFETY: the boot code has set up %fs; word 0 of the block is its own address.
    unsafe {
        core::arch::asm!(
            "mov {}, fs:[0]", "mov {}, fs:[0x28]",
            out(reg) block, out(reg) canary, options(readonly, nostack, preserves_flags),
        );
    }
    (block, canary)
}

/// Adds two doubles with an SSE2 instruction, as C code does.
#[must_use]
pub fn add_with_sse2(a: f64, b: f64) -> f64 {
    let (mut bits, other) = (a.to_bits(), b.to_bits());
    // SAFETY: registers only; the runtime promises SSE2 to C code, and no Rust code here uses it.
    unsafe {
        core::arch::asm!(
            "movq xmm0, {0}", "movq xmm1, {1}", "addsd xmm0, xmm1", "movq {0}, xmm0",
            inout(reg) bits, in(reg) other, options(nomem, nostack, preserves_flags),
        );
    }
    f64::from_bits(bits)
}

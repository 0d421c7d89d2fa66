//! CPU exceptions: every one is fatal, is reported in one line and crashes the domain.
#![allow(unsafe_code, reason = "descriptor tables, and the frame the CPU leaves on the stack")]

use crate::boot::{Mode, mode};
use crate::ending::fatal;
use crate::hypercall::{self, Trap};
use crate::paging;
use core::arch::asm;
use core::cell::UnsafeCell;
use core::ptr;

const PAGE_FAULT: u64 = 14;
const VECTORS: usize = 32;
const VECTOR_BYTES: u64 = 16;

unsafe extern "C" {
    static xen_guest_pv_vectors: u8;
    static xen_guest_pvh_vectors: u8;
}

/// What the entry code of vectors.s leaves on the stack.
#[repr(C)]
pub(crate) struct Frame {
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

/// Called by every vector.
///
/// # Safety
/// `frame` must point to the frame built by vectors.s.
pub(crate) unsafe extern "C" fn exception(frame: *const Frame) -> ! {
    // SAFETY: the entry code passes the address of the frame it has just completed.
    let frame = unsafe { &*frame };
    let (name, rip, error) = (name(frame.vector), frame.rip, frame.error);
    if frame.vector == PAGE_FAULT || frame.vector == 8 {
        let address = fault_address();
        let what = cause(address, error);
        fatal(format_args!("{name} at {rip:#x}, address {address:#x}, error {error:#x}: {what}"));
    }
    fatal(format_args!("{name} (vector {}) at {rip:#x}, error {error:#x}", frame.vector))
}

/// What a page fault means in this runtime's layout.
fn cause(address: u64, error: u64) -> &'static str {
    let layout = paging::layout();
    let (write, fetch) = (error & 2 != 0, error & 16 != 0);
    if layout.guard.contains(address) {
        "stack overflow"
    } else if address < crate::memory::PAGE {
        "null pointer"
    } else if fetch {
        "data was run as code"
    } else if write && (layout.text.contains(address) || layout.rodata.contains(address)) {
        "write to read-only memory"
    } else {
        "no such memory"
    }
}

fn name(vector: u64) -> &'static str {
    match vector {
        0 => "division error",
        6 => "invalid instruction",
        8 => "double fault",
        12 => "stack fault",
        13 => "general protection fault",
        PAGE_FAULT => "page fault",
        16 | 19 => "floating point error",
        17 => "alignment fault",
        _ => "exception",
    }
}

/// %cr2, which Xen keeps for a PV domain in `vcpu_info.arch.cr2` (Xen public/arch-x86/xen.h).
fn fault_address() -> u64 {
    const CR2: u64 = 16;
    match mode() {
        Mode::Pv => {
            let place = ptr::with_exposed_provenance::<u64>((paging::SHARED_INFO + CR2) as usize);
            // SAFETY: the page is mapped once paging is built; a fault before that has no handler
            // that could do better, and a second fault ends the domain.
            unsafe { place.read_volatile() }
        }
        Mode::Pvh => {
            let address: u64;
            // SAFETY: reading the register changes nothing.
            unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack)) };
            address
        }
    }
}

/// Tables that the CPU or Xen reads; written once at the start.
#[repr(C, align(16))]
struct Table<T>(UnsafeCell<T>);

// SAFETY: one vCPU without interrupts; written before any exception can happen.
unsafe impl<T> Sync for Table<T> {}

/// Registers the handlers with Xen.
pub(crate) fn install_pv() {
    const KERNEL_CODE: u16 = 0xe033;
    /// Keep event delivery off in the handler.
    const MASK_EVENTS: u8 = 4;
    let first = (&raw const xen_guest_pv_vectors).addr() as u64;
    let mut table = [Trap { vector: 0, flags: 0, selector: 0, address: 0 }; VECTORS + 1];
    let vectors = (0_u8..20).filter(|vector| *vector != 2 && *vector != 15);
    for (entry, vector) in table.iter_mut().zip(vectors) {
        let address = first + u64::from(vector) * VECTOR_BYTES;
        *entry = Trap { vector, flags: MASK_EVENTS, selector: KERNEL_CODE, address };
    }
    // SAFETY: the rest of the table is zero; the addresses are those of vectors.s.
    if let Err(errno) = unsafe { hypercall::set_trap_table(&table) } {
        fatal(format_args!("Xen refused the trap table (errno {errno})"));
    }
}

/// Loads descriptor tables of our own. All exceptions use one separate stack, so that a fault on a
/// bad stack is still reported and never becomes a triple fault, which would look like a reboot.
pub(crate) fn install_pvh() {
    static STACK: Table<[u8; 8192]> = Table(UnsafeCell::new([0; 8192]));
    static TASK: Table<[u32; 26]> = Table(UnsafeCell::new([0; 26]));
    static GLOBAL: Table<[u64; 5]> = Table(UnsafeCell::new([0; 5]));
    static INTERRUPT: Table<[[u64; 2]; VECTORS]> = Table(UnsafeCell::new([[0; 2]; VECTORS]));

    let stack_top = STACK.0.get().expose_provenance() as u64 + 8192;
    let task = TASK.0.get().expose_provenance() as u64;
    let first = (&raw const xen_guest_pvh_vectors).addr() as u64;
    let mut gates = [[0; 2]; VECTORS];
    for (gate, vector) in gates.iter_mut().zip(0_u64..) {
        *gate = interrupt_gate(first + vector * VECTOR_BYTES);
    }
    // SAFETY: this runs once, before anything reads the tables.
    unsafe {
        *TASK.0.get() = task_state(stack_top);
        *GLOBAL.0.get() =
            [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, task_low(task), task >> 32];
        *INTERRUPT.0.get() = gates;
    }
    let global = table_register(GLOBAL.0.get().expose_provenance() as u64, 5 * 8);
    let interrupt = table_register(INTERRUPT.0.get().expose_provenance() as u64, VECTORS * 16);
    // SAFETY: the tables are static and complete; entries 1 and 2 equal those already in use.
    unsafe {
        asm!(
            "lgdt [{}]", "lidt [{}]", "ltr {:x}",
            in(reg) global.as_ptr(), in(reg) interrupt.as_ptr(), in(reg) 0x18_u64,
        );
    }
}

/// Operand of LGDT and LIDT: the limit, then the address in four halves.
#[allow(clippy::cast_possible_truncation, reason = "halves of an address")]
fn table_register(address: u64, bytes: usize) -> [u16; 5] {
    [
        bytes as u16 - 1,
        address as u16,
        (address >> 16) as u16,
        (address >> 32) as u16,
        (address >> 48) as u16,
    ]
}

/// A 64-bit interrupt gate to 0x08:`handler` on interrupt stack 1 (Intel SDM volume 3, 6.14.1).
fn interrupt_gate(handler: u64) -> [u64; 2] {
    let flags = 0x8e01_u64 << 32;
    [handler & 0xffff | 8 << 16 | flags | (handler >> 16 & 0xffff) << 48, handler >> 32]
}

/// A task state segment with interrupt stack 1 (Intel SDM volume 3, 7.7).
#[allow(clippy::cast_possible_truncation, reason = "halves of an address")]
fn task_state(stack_top: u64) -> [u32; 26] {
    let mut task = [0; 26];
    task[9] = stack_top as u32;
    task[10] = (stack_top >> 32) as u32;
    task[25] = 104 << 16;
    task
}

/// The lower half of the descriptor of a 104-byte task state segment.
fn task_low(address: u64) -> u64 {
    103 | (address & 0xff_ffff) << 16 | 0x89 << 40 | (address >> 24 & 0xff) << 56
}

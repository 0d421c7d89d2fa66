//! The start of a PVH domain (Xen public/arch-x86/hvm/start_info.h).

use super::{CommandLineBytes, Found};
use crate::hypercall::{self, HvmParam, MapSpace};
use crate::memory::{PAGE, Range, Ranges, Rights};
use crate::paging::{self, Pool, pvh};
use crate::{console, ending::fatal, fault};
use core::arch::asm;
use core::arch::x86_64::__cpuid;
use core::ptr;

const MAGIC: u32 = 0x336e_c578;
/// Type of a memory map entry that is ordinary memory.
const RAM: u32 = 1;
/// More entries than this are not looked at.
const MOST_ENTRIES: u32 = 64;

/// `struct hvm_start_info`, version 1.
#[repr(C)]
pub(super) struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// `struct hvm_memmap_table_entry`.
#[repr(C)]
struct MapEntry {
    start: u64,
    bytes: u64,
    kind: u32,
    reserved: u32,
}

/// Called by the PVH entry point.
///
/// # Safety
/// `info` must be the structure Xen passed in %ebx.
pub(super) unsafe extern "C" fn start(info: *const StartInfo) -> ! {
    fill_hypercall_page();
    fault::install_pvh();
    // SAFETY: the domain builder left the structure in memory below 1 GiB, which is mapped.
    let info = unsafe { &*info };
    if info.magic != MAGIC || info.version == 0 || info.memory_map_entries == 0 {
        fatal(format_args!("the domain builder gave no memory map (start info too old)"));
    }
    // SAFETY: a text of the domain builder that ends in a zero byte, or null.
    let command_line =
        unsafe { CommandLineBytes::copy(ptr::with_exposed_provenance(info.command_line as usize)) };
    let ram = memory_map(info);

    let layout = paging::layout();
    let mut pool =
        Pool::new(Range::new(layout.image.end, end_of_memory_at(&ram, layout.image.end)));
    pvh::build(&ram, &layout, &mut pool);
    map_foreign_pages();

    let free =
        ram.without(Range::new(0, PAGE)).without(Range::new(layout.image.start, pool.next()));
    super::run(&Found {
        memory_bytes: ram.bytes(),
        free,
        console_port: port(HvmParam::ConsolePort),
        store_port: port(HvmParam::StorePort),
        command_line,
    })
}

/// Lets Xen write the hypercall page (Xen public/arch-x86/cpuid.h: the leaf after next of the one
/// with Xen's signature names the MSR).
fn fill_hypercall_page() {
    const SIGNATURE: u32 = 0x566e_6558;
    let mut leaf = 0x4000_0000;
    while __cpuid(leaf).ebx != SIGNATURE && leaf < 0x4001_0000 {
        leaf += 0x100;
    }
    let register = __cpuid(leaf + 2).ebx;
    let page = paging::layout().text.start;
    // SAFETY: the linker script puts the hypercall page at the start of the text.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") page & 0xffff_ffff, in("edx") page >> 32)
    };
}

fn memory_map(info: &StartInfo) -> Ranges {
    let entries = ptr::with_exposed_provenance::<MapEntry>(info.memory_map as usize);
    let mut ram = Ranges::default();
    for index in 0..info.memory_map_entries.min(MOST_ENTRIES) {
        // SAFETY: the domain builder left that many entries below 1 GiB.
        let entry = unsafe { entries.add(index as usize).read() };
        if entry.kind == RAM {
            let end = entry.start.saturating_add(entry.bytes);
            ram.add(Range::new(entry.start, end.min(paging::MEMORY_LIMIT)));
        }
    }
    ram
}

/// The end of the memory that holds an address, as far as the first page tables reach.
fn end_of_memory_at(ram: &Ranges, address: u64) -> u64 {
    let range = ram.iter().find(|range| range.contains(address - PAGE));
    range.map_or(address, |range| range.end.min(1 << 30))
}

fn param(param: HvmParam) -> u64 {
    match hypercall::hvm_param(param) {
        Ok(value) => value,
        Err(errno) => fatal(format_args!("Xen refused a parameter (errno {errno})")),
    }
}

fn port(which: HvmParam) -> u32 {
    u32::try_from(param(which)).unwrap_or(0)
}

fn map_foreign_pages() {
    for (space, address) in
        [(MapSpace::SharedInfo, paging::SHARED_INFO), (MapSpace::GrantTable, paging::GRANT_TABLE)]
    {
        // SAFETY: the area lies outside of all memory.
        if let Err(errno) = unsafe { hypercall::add_to_physmap(space, address / PAGE) } {
            fatal(format_args!("Xen refused the page for {address:#x} (errno {errno})"));
        }
    }
    let pages = [
        (paging::SHARED_INFO, paging::SHARED_INFO / PAGE),
        (paging::GRANT_TABLE, paging::GRANT_TABLE / PAGE),
        (paging::CONSOLE_RING, param(HvmParam::ConsoleFrame)),
        (paging::STORE_RING, param(HvmParam::StoreFrame)),
    ];
    for (address, frame) in pages {
        // SAFETY: each of these pages of the area has this one use. In PVH mapping cannot fail.
        let _ = unsafe { paging::map(address, frame, Rights::Write) };
    }
    console::place_ring(paging::CONSOLE_RING);
}

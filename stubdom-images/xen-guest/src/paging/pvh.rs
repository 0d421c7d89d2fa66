//! Page tables of a PVH domain, which are its own: guest-physical memory one to one.

use super::{AREA, AREA_TABLES, MEMORY_LIMIT, Pool, TABLE_REACH};
use crate::memory::{Layout, PAGE, Range, Ranges, Rights};
use core::arch::asm;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

/// An entry that points to a table: present, writable, accessed.
const TABLE: u64 = 0x23;
/// In a second-level entry: maps 2 MiB at once.
const LARGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

unsafe extern "C" {
    static mut xen_guest_pvh_l3: [u64; 512];
}

/// Addresses of the area's lowest-level tables.
static AREA_PLACES: [AtomicU64; AREA_TABLES as usize] =
    [const { AtomicU64::new(0) }; AREA_TABLES as usize];

/// Gives each page its right, maps all memory in `ram` and makes the area.
pub(crate) fn build(ram: &Ranges, layout: &Layout, pool: &mut Pool) {
    let mut at = 0;
    while at < MEMORY_LIMIT {
        let value = large_entry(at, ram, layout, pool);
        if value != 0 || at >> 30 == 0 {
            set(second(at, pool), at >> 21 & 511, value);
        }
        at += TABLE_REACH;
    }
    for (place, index) in AREA_PLACES.iter().zip(0..) {
        let (at, table) = (AREA + index * TABLE_REACH, pool.page());
        set(second(at, pool), at >> 21 & 511, table | TABLE);
        place.store(table, Ordering::Relaxed);
    }
    // SAFETY: the same tables are loaded again; code, stack and data stay where they were.
    unsafe { asm!("mov {0}, cr3", "mov cr3, {0}", out(reg) _) };
}

/// The second-level entry for 2 MiB: a single mapping, a table, or nothing.
fn large_entry(at: u64, ram: &Ranges, layout: &Layout, pool: &mut Pool) -> u64 {
    let whole = Range::new(at, at + TABLE_REACH);
    let memory: u64 = ram.iter().map(|range| range.common(whole).bytes()).sum();
    let special = at == 0 || layout.image.common(whole).bytes() > 0;
    if memory == 0 && !special {
        0
    } else if memory == TABLE_REACH && !special {
        at | LARGE | Rights::Write.bits()
    } else {
        small_pages(at, ram, layout, pool) | TABLE
    }
}

fn small_pages(at: u64, ram: &Ranges, layout: &Layout, pool: &mut Pool) -> u64 {
    let table = pool.page();
    for index in 0..512 {
        let address = at + index * PAGE;
        if ram.contains(address) {
            set(table, index, entry(address / PAGE, layout.rights(address)));
        }
    }
    table
}

/// The second-level table for an address, made when missing.
fn second(address: u64, pool: &mut Pool) -> u64 {
    let third = (&raw mut xen_guest_pvh_l3).expose_provenance() as u64;
    let index = address >> 30 & 511;
    // SAFETY: a readable table of 512 entries.
    let value =
        unsafe { ptr::with_exposed_provenance::<u64>(third as usize).add(index as usize).read() };
    if value & 1 != 0 {
        return value & ADDRESS;
    }
    let table = pool.page();
    set(third, index, table | TABLE);
    table
}

const fn entry(frame: u64, rights: Rights) -> u64 {
    match rights {
        Rights::None => 0,
        _ => (frame * PAGE) | rights.bits(),
    }
}

fn set(table: u64, index: u64, value: u64) {
    let entries = ptr::with_exposed_provenance_mut::<u64>(table as usize);
    // SAFETY: `table` is a table of this module, of 512 entries, mapped one to one for writing.
    unsafe { entries.add(index as usize).write_volatile(value) };
}

/// Writes one entry of the area and forgets the old translation.
///
/// # Safety
/// `address` must be a page of the area which nothing else uses.
pub(crate) unsafe fn set_area_entry(address: u64, frame: u64, rights: Rights) {
    let table = AREA_PLACES[((address - AREA) / TABLE_REACH) as usize].load(Ordering::Relaxed);
    set(table, address >> 12 & 511, entry(frame, rights));
    // SAFETY: only forgets a cached translation.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) };
}

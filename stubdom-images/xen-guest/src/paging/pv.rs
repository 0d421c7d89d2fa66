//! Page tables of a PV domain. They are read-only to the domain; Xen checks and makes each change.

use super::{AREA, AREA_TABLES, MEMORY_LIMIT, Pool, TABLE_REACH};
use crate::ending::fatal;
use crate::hypercall::{self, MmuUpdate};
use crate::memory::{Layout, PAGE, Range, Rights};
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

const PRESENT: u64 = 1;
/// A PV kernel runs in ring 3.
const RING3: u64 = 1 << 2;
/// An entry that points to a table: present, writable, ring 3, accessed, dirty.
const TABLE: u64 = 0x67;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Where Xen maps, for every domain, the list from machine frame to the domain's own frame
/// (`machine_to_phys_mapping`, Xen public/arch-x86/xen-x86_64.h).
const MACHINE_TO_PHYS: u64 = 0xffff_8000_0000_0000;

/// Address of the list from own frame to machine frame, left by the domain builder.
static PHYS_TO_MACHINE: AtomicU64 = AtomicU64::new(0);

/// What the domain builder left for page tables.
pub(crate) struct Bootstrap {
    /// Address of the top-level table.
    pub(crate) top: u64,
    /// Tables and lists of the domain builder: read-only from now on.
    pub(crate) kept: Range,
    /// Frames this domain has.
    pub(crate) frames: u64,
}

/// # Safety
/// `mfn_list` must be the list that the domain builder left, and stay mapped.
pub(crate) unsafe fn remember_frames(mfn_list: u64) {
    PHYS_TO_MACHINE.store(mfn_list, Ordering::Relaxed);
}

/// The machine frame of one of our frames.
pub(crate) fn machine_frame(frame: u64) -> u64 {
    let list = PHYS_TO_MACHINE.load(Ordering::Relaxed) as usize;
    // SAFETY: callers pass frames of this domain only, and the list has an entry for each.
    unsafe { ptr::with_exposed_provenance::<u64>(list).add(frame as usize).read() }
}

/// Our frame behind a machine frame that belongs to us.
pub(crate) fn own_frame(machine: u64) -> u64 {
    // SAFETY: Xen maps the list read-only for every PV domain; it covers all machine frames.
    unsafe {
        ptr::with_exposed_provenance::<u64>(MACHINE_TO_PHYS as usize)
            .add(machine as usize)
            .read_volatile()
    }
}

/// A lowest-level entry.
pub(crate) const fn entry(frame: u64, rights: Rights) -> u64 {
    match rights {
        Rights::None => 0,
        _ => (frame * PAGE) | RING3 | rights.bits(),
    }
}

/// Gives each page its right, maps all memory and makes the area.
pub(crate) fn build(bootstrap: &Bootstrap, layout: &Layout, pool: &mut Pool) {
    let mut tables = Tables { top: bootstrap.top, pool };
    let end = (bootstrap.frames * PAGE).min(MEMORY_LIMIT);
    let rights = |address: u64| {
        if bootstrap.kept.contains(address) { Rights::Read } else { layout.rights(address) }
    };
    let mut at = 0;
    while at < end {
        match tables.lowest(at) {
            Some(table) => refine(table, at, end, &rights),
            None => tables.add_lowest(at, end),
        }
        at += TABLE_REACH;
    }
    for index in 0..AREA_TABLES {
        tables.add_lowest(AREA + index * TABLE_REACH, AREA);
    }
    if let Err(errno) = hypercall::flush_translations() {
        fatal(format_args!("Xen refused to flush translations (errno {errno})"));
    }
}

/// Gives the pages of an existing lowest-level table their rights.
fn refine(table: u64, at: u64, end: u64, rights: &impl Fn(u64) -> Rights) {
    let mut batch = Batch::new();
    for index in 0..512 {
        let address = at + index * PAGE;
        if address < end {
            let value = entry(machine_frame(address / PAGE), rights(address));
            batch.set(table, index, value);
        }
    }
    batch.send();
}

/// The tables that Xen walks, read where they are mapped.
struct Tables<'a> {
    top: u64,
    pool: &'a mut Pool,
}

impl Tables<'_> {
    /// The lowest-level table for an address, if there is one.
    fn lowest(&mut self, address: u64) -> Option<u64> {
        let second = self.second(address);
        child(second, address >> 21 & 511)
    }

    /// The second-level table for an address, made when missing.
    fn second(&mut self, address: u64) -> u64 {
        let Some(third) = child(self.top, 0) else {
            fatal(format_args!("the domain builder's page tables are not as expected"))
        };
        let index = address >> 30 & 511;
        if let Some(second) = child(third, index) {
            return second;
        }
        let second = self.pool.page();
        hook(third, index, second);
        second
    }

    /// Makes a lowest-level table that maps, for data, what lies below `end`.
    fn add_lowest(&mut self, at: u64, end: u64) {
        let second = self.second(at);
        let table = self.pool.page();
        let entries = ptr::with_exposed_provenance_mut::<u64>(table as usize);
        for index in 0..512 {
            let address = at + index * PAGE;
            if address < end {
                let value = entry(machine_frame(address / PAGE), Rights::Write);
                // SAFETY: a fresh page of the pool has room for 512 entries.
                unsafe { entries.add(index as usize).write(value) };
            }
        }
        hook(second, at >> 21 & 511, table);
    }
}

/// The table that an entry points to.
fn child(table: u64, index: u64) -> Option<u64> {
    // SAFETY: `table` is one of our page tables, mapped one to one and readable.
    let value = unsafe {
        ptr::with_exposed_provenance::<u64>(table as usize).add(index as usize).read_volatile()
    };
    (value & PRESENT != 0).then(|| own_frame((value & ADDRESS) / PAGE) * PAGE)
}

/// Makes a filled page a page table: read-only first, as Xen demands, then entered.
fn hook(parent: u64, index: u64, table: u64) {
    let frame = machine_frame(table / PAGE);
    // SAFETY: the page came from the pool and is not written by us any more.
    let sealed = unsafe { hypercall::update_va_mapping(table, entry(frame, Rights::Read)) };
    let mut batch = Batch::new();
    batch.set(parent, index, (frame * PAGE) | TABLE);
    batch.send();
    if let Err(errno) = sealed {
        fatal(format_args!("Xen refused a page table (errno {errno})"));
    }
}

/// Changes of entries, sent together.
struct Batch {
    list: [MmuUpdate; 64],
    used: usize,
}

impl Batch {
    fn new() -> Self {
        Self { list: [MmuUpdate::default(); 64], used: 0 }
    }

    fn set(&mut self, table: u64, index: u64, value: u64) {
        let machine = machine_frame(table / PAGE) * PAGE;
        self.list[self.used] = MmuUpdate { entry: machine + index * 8, value };
        self.used += 1;
        if self.used == self.list.len() {
            self.send();
        }
    }

    fn send(&mut self) {
        if self.used == 0 {
            return;
        }
        // SAFETY: only rights of pages become narrower, fresh tables are entered, or memory that
        // nothing uses yet is mapped.
        if let Err(errno) = unsafe { hypercall::mmu_update(&self.list[..self.used]) } {
            fatal(format_args!("Xen refused a page table entry (errno {errno})"));
        }
        self.used = 0;
    }
}

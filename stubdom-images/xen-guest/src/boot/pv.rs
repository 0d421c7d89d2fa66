//! The start of a PV domain (Xen public/xen.h, `struct start_info`).

use super::{CommandLineBytes, Found, IS_PV};
use crate::memory::{PAGE, Range, Ranges, Rights};
use crate::paging::{self, Pool, pv};
use crate::{console, ending::fatal, fault};
use core::sync::atomic::Ordering;

/// `struct start_info` as far as it is used.
#[repr(C)]
pub(super) struct StartInfo {
    magic: [u8; 32],
    frames: u64,
    /// Machine address.
    shared_info: u64,
    flags: u32,
    store_frame: u64,
    store_port: u32,
    console_frame: u64,
    console_port: u32,
    page_tables: u64,
    page_table_frames: u64,
    mfn_list: u64,
    module_start: u64,
    module_bytes: u64,
    command_line: [u8; 1024],
}

/// Called by the PV entry point.
///
/// # Safety
/// `info` must be the structure Xen passed in %rsi.
pub(super) unsafe extern "C" fn start(info: *const StartInfo) -> ! {
    IS_PV.store(true, Ordering::Relaxed);
    // SAFETY: the domain builder left the structure in memory that is mapped and kept.
    let info = unsafe { &*info };
    // SAFETY: the builder's list, in memory that is never given away.
    unsafe { pv::remember_frames(info.mfn_list) };
    console::place_ring(pv::own_frame(info.console_frame) * PAGE);
    fault::install_pv();

    let layout = paging::layout();
    let tables_end = info.page_tables + info.page_table_frames * PAGE;
    let kept = Range::new(info.mfn_list, tables_end);
    let all = Range::new(0, (info.frames * PAGE).min(paging::MEMORY_LIMIT));
    let mut pool = Pool::new(Range::new(tables_end, all.end));
    let bootstrap = pv::Bootstrap { top: info.page_tables, kept, frames: info.frames };
    pv::build(&bootstrap, &layout, &mut pool);
    map_foreign_pages(info);

    let mut memory = Ranges::default();
    memory.add(all);
    let free = memory
        .without(Range::new(0, PAGE))
        .without(layout.image)
        .without(Range::new(kept.start, pool.next()));
    super::run(&Found {
        memory_bytes: info.frames * PAGE,
        free,
        console_port: info.console_port,
        store_port: info.store_port,
        // SAFETY: the array has 1024 bytes.
        command_line: unsafe { CommandLineBytes::copy(info.command_line.as_ptr()) },
    })
}

fn map_foreign_pages(info: &StartInfo) {
    let pages = [
        (paging::SHARED_INFO, info.shared_info / PAGE),
        (paging::CONSOLE_RING, info.console_frame),
        (paging::STORE_RING, info.store_frame),
        (paging::GRANT_TABLE, crate::hypercall::grant_table_frame().unwrap_or(0)),
    ];
    for (address, frame) in pages {
        // SAFETY: each of these pages of the area has this one use.
        if let Err(errno) = unsafe { paging::map(address, frame, Rights::Write) } {
            fatal(format_args!("Xen refused the page for {address:#x} (errno {errno})"));
        }
    }
    console::place_ring(paging::CONSOLE_RING);
}

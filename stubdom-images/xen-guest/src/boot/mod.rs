//! From the first instruction to the image's `main`.
#![allow(unsafe_code, reason = "assembly, and structures left in memory by the domain builder")]

mod cpu;
mod pv;
mod pvh;

use crate::console;
use crate::domain::Domain;
use crate::ending::{self, Ending};
use crate::memory::Ranges;
use crate::{events, heap};
use alloc::string::String;
use core::arch::global_asm;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

global_asm!(include_str!("notes.s"));
global_asm!(include_str!("start.s"), pv_main = sym pv::start, pvh_main = sym pvh::start);
global_asm!(include_str!("vectors.s"), exception = sym crate::fault::exception);

/// How Xen runs this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Paravirtualised: page tables are Xen's business.
    Pv,
    /// In a hardware container, without device emulation.
    Pvh,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pv => "PV",
            Self::Pvh => "PVH",
        })
    }
}

static IS_PV: AtomicBool = AtomicBool::new(false);

/// The mode of this domain.
pub(crate) fn mode() -> Mode {
    if IS_PV.load(Ordering::Relaxed) { Mode::Pv } else { Mode::Pvh }
}

unsafe extern "Rust" {
    /// Made by [`entry!`](crate::entry) in the image crate.
    safe fn xen_guest_main(domain: Domain) -> Ending;
}

/// Longest command line, as for PV (`MAX_GUEST_CMDLINE`, Xen public/xen.h).
const COMMAND_LINE_BYTES: usize = 1024;

/// What the mode's own boot code found out.
struct Found {
    /// Memory of this domain in bytes.
    memory_bytes: u64,
    /// Memory that nothing uses.
    free: Ranges,
    console_port: u32,
    store_port: u32,
    command_line: CommandLineBytes,
}

/// The command line as bytes, copied before the memory it stood in is reused.
struct CommandLineBytes {
    bytes: [u8; COMMAND_LINE_BYTES],
    length: usize,
}

impl CommandLineBytes {
    /// # Safety
    /// Unless null, `start` must point to readable memory up to a zero byte or to 1024 bytes.
    unsafe fn copy(start: *const u8) -> Self {
        let mut line = Self { bytes: [0; COMMAND_LINE_BYTES], length: 0 };
        while !start.is_null() && line.length < COMMAND_LINE_BYTES {
            // SAFETY: no zero byte was met so far and fewer than 1024 bytes were read.
            match unsafe { start.add(line.length).read() } {
                0 => break,
                byte => line.bytes[line.length] = byte,
            }
            line.length += 1;
        }
        line
    }
}

/// The part of the start that both modes share.
fn run(found: &Found) -> ! {
    events::mask_all();
    console::connect(found.console_port);
    let heap_bytes = heap::start(&found.free);
    cpu::prepare_thread_block();
    console::start_logging();
    let line = &found.command_line;
    let line = String::from_utf8_lossy(&line.bytes[..line.length]);
    let domain = Domain::new(mode(), &line, found.memory_bytes, heap_bytes, found.store_port);
    ending::end(xen_guest_main(domain))
}

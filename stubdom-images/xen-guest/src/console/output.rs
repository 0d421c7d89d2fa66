//! Writing to the ring, and the backend of the `log` crate.
#![allow(
    unsafe_code,
    reason = "the ring's page is mapped by the boot code; ports of the debug log"
)]

use super::line::Line;
use super::ring::OUTPUT;
use crate::boot::{Mode, mode};
use crate::raw_page::RawPage;
use crate::{clock, events, hypercall};
use core::arch::asm;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use log::{LevelFilter, Log, Metadata, Record};

/// How long a writer waits for a reader that has shown no progress. xenconsoled pauses a domain that
/// wakes it too often for 200 ms, and dom0 may be busy; this is paid once, then nobody waits until
/// somebody reads again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an ending domain waits for its last lines to be read.
const LAST_PATIENCE: Duration = Duration::from_millis(400);

/// Address of the ring's page; 0 before there is one.
static RING: AtomicU64 = AtomicU64::new(0);
/// The event channel; 0 before events work.
static PORT: AtomicU32 = AtomicU32::new(0);
/// Nobody reads: do not wait again before somebody does.
static STALLED: AtomicBool = AtomicBool::new(false);
/// Bytes that found no room since the last line that did.
static DROPPED: AtomicU32 = AtomicU32::new(0);

/// Where the ring is mapped now.
pub(crate) fn place_ring(address: u64) {
    RING.store(address, Ordering::Relaxed);
}

/// From now on readers can be woken and waited for.
pub(crate) fn connect(port: u32) {
    PORT.store(port, Ordering::Relaxed);
}

fn page() -> Option<RawPage> {
    let address = RING.load(Ordering::Relaxed);
    // SAFETY: the boot code mapped the ring there, for ever.
    (address != 0).then(|| unsafe { RawPage::new(address) })
}

/// Puts bytes into the ring; waits a little for room; drops the rest.
fn write(bytes: &[u8]) {
    let (Some(page), port) = (page(), PORT.load(Ordering::Relaxed)) else { return };
    let mut rest = bytes;
    let mut deadline = None;
    loop {
        let put = OUTPUT.put(&page, rest).unwrap_or(0);
        rest = &rest[put..];
        if put > 0 {
            STALLED.store(false, Ordering::Relaxed);
            deadline = None;
            if port != 0 {
                let _ = hypercall::send(port);
            }
        }
        if rest.is_empty() {
            return;
        }
        if port == 0 || STALLED.load(Ordering::Relaxed) {
            break;
        }
        let until = *deadline.get_or_insert_with(|| clock::now() + PATIENCE);
        if clock::now() >= until {
            STALLED.store(true, Ordering::Relaxed);
            break;
        }
        events::take_pending(port);
        events::wait_on(&[port], Some(until.min(clock::now() + Duration::from_millis(5))));
    }
    let count = u32::try_from(rest.len()).unwrap_or(u32::MAX);
    DROPPED.store(DROPPED.load(Ordering::Relaxed).saturating_add(count), Ordering::Relaxed);
}

/// Waits, for a short time, until everything was read.
pub(crate) fn drain() {
    let (Some(page), port) = (page(), PORT.load(Ordering::Relaxed)) else { return };
    if port == 0 {
        return;
    }
    let until = clock::now() + LAST_PATIENCE;
    while !OUTPUT.is_empty(&page) && clock::now() < until {
        events::take_pending(port);
        events::wait_on(&[port], Some(clock::now() + Duration::from_millis(2)));
    }
}

fn print(message: fmt::Arguments<'_>) {
    let dropped = DROPPED.swap(0, Ordering::Relaxed);
    let mut line = Line::new(write);
    if dropped > 0 {
        let _ = writeln!(line, "[console: {dropped} bytes were dropped, nobody read them]");
    }
    let _ = line.write_fmt(message);
    line.end();
}

/// A last line, without allocation, wherever it can be seen: the console, and Xen's log if it takes
/// text from this domain.
pub(crate) fn emergency(message: fmt::Arguments<'_>) {
    print(format_args!("FATAL: {message}"));
    let mut line = Line::new(write_to_debug_log);
    let _ = write!(line, "FATAL: {message}");
    line.end();
}

/// Xen's log: a hypercall where Xen was built for it, and port 0xe9 for PVH.
fn write_to_debug_log(bytes: &[u8]) {
    hypercall::write_to_xen_log(bytes);
    if mode() == Mode::Pvh {
        for byte in bytes {
            // SAFETY: Xen takes the byte as a character for its log; nothing else happens.
            unsafe { asm!("out 0xe9, al", in("al") *byte, options(nomem, nostack)) };
        }
    }
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            match record.level() {
                log::Level::Info => print(*record.args()),
                level => print(format_args!("{level}: {}", record.args())),
            }
        }
    }

    fn flush(&self) {
        drain();
    }
}

/// Makes the console the backend of the `log` crate, at level "info".
pub(crate) fn start_logging() {
    static LOGGER: Logger = Logger;
    // Called once, so it cannot be set already.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(LevelFilter::Info);
}

/// The console as an image sees it. Lines are written through the `log` crate.
#[derive(Debug)]
pub struct Console(());

impl Console {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Chooses which lines are shown.
    pub fn set_level(&mut self, level: LevelFilter) {
        log::set_max_level(level);
    }
}

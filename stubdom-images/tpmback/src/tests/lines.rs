//! Counts the lines that the calling thread's code writes to the log.

extern crate std;

use core::cell::Cell;
use std::thread_local;

thread_local! {
    static LINES: Cell<usize> = const { Cell::new(0) };
}

struct Counter;

impl log::Log for Counter {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() <= log::Level::Info {
            LINES.set(LINES.get() + 1);
        }
    }

    fn flush(&self) {}
}

/// Runs `what` and returns how many lines it wrote that are shown by default.
pub(super) fn count(what: impl FnOnce()) -> usize {
    // Set by whichever test comes first.
    let _ = log::set_logger(&Counter);
    log::set_max_level(log::LevelFilter::Trace);
    LINES.set(0);
    what();
    LINES.get()
}

//! What the code under test logs in one test's thread.

use log::{LevelFilter, Log, Metadata, Record};
use std::cell::RefCell;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// Begins to listen, for the whole process; each test hears itself.
pub(crate) fn listen() {
    static LISTENING: std::sync::Once = std::sync::Once::new();
    LISTENING.call_once(|| {
        log::set_logger(&Collector).expect("nobody else listens");
        log::set_max_level(LevelFilter::Warn);
    });
    LINES.with_borrow_mut(Vec::clear);
}

/// What was logged in this thread since then.
pub(crate) fn lines() -> Vec<String> {
    LINES.with_borrow(Vec::clone)
}

//! Log lines go to standard error, heard or not: a TPM goes on where its reader has gone away.

use std::io::Write;
use std::sync::OnceLock;

struct ToStderr {
    program: &'static str,
}

impl log::Log for ToStderr {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let _ = writeln!(std::io::stderr().lock(), "{}: {}", self.program, record.args());
        }
    }

    fn flush(&self) {}
}

/// Takes what the engine and the server log; each line begins with the program's name. The first
/// call counts.
pub fn log_to_stderr(program: &'static str) {
    static LOGGER: OnceLock<ToStderr> = OnceLock::new();
    if log::set_logger(LOGGER.get_or_init(|| ToStderr { program })).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

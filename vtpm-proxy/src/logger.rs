//! Log lines go to standard error.

struct ToStderr;

impl log::Log for ToStderr {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("vtpm-proxy: {}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Takes what the engine and the server log.
pub(crate) fn install() {
    static LOGGER: ToStderr = ToStderr;
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

//! Ctrl-C, SIGTERM and SIGHUP: noticed, so that what was started is ended and temporary files go.

use anyhow::{Result, bail};
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Starts noticing. A second interrupt ends this program at once; its children end with it.
///
/// # Errors
/// The handler cannot be installed.
pub fn notice() -> Result<()> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })?;
    Ok(())
}

/// Asks to stop, as Ctrl-C does.
pub fn ask() {
    ASKED.store(true, Ordering::SeqCst);
}

/// Whether someone asked to stop.
#[must_use]
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Gives up when someone asked to stop.
///
/// # Errors
/// Exactly then.
pub fn check() -> Result<()> {
    if asked() {
        bail!("interrupted");
    }
    Ok(())
}

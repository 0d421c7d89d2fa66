//! SIGTERM, SIGINT and SIGHUP as something to wait for.

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::os::unix::net::UnixStream;

/// Becomes readable at the first of them.
///
/// # Errors
/// When the signals cannot be taken over.
pub(crate) fn signals() -> Result<UnixStream> {
    let (stop, raised) = UnixStream::pair().context("cannot make a socket pair")?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let raised = raised.try_clone().context("cannot make a socket pair")?;
        signal_hook::low_level::pipe::register(signal, raised)
            .context("cannot take over signals")?;
    }
    Ok(stop)
}

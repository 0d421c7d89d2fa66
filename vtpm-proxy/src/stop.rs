//! SIGTERM, SIGINT and SIGHUP as something to wait for.
//!
//! A SIGHUP that is ignored already stays so: whoever starts a program by nohup(1) wants it to go on.

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::os::unix::net::UnixStream;

/// Becomes readable at the first of them.
///
/// # Errors
/// When the signals cannot be taken over.
pub(crate) fn signals() -> Result<UnixStream> {
    let (stop, raised) = UnixStream::pair().context("cannot make a socket pair")?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        if signal == SIGHUP && is_ignored(signal) {
            continue;
        }
        let raised = raised.try_clone().context("cannot make a socket pair")?;
        signal_hook::low_level::pipe::register(signal, raised)
            .context("cannot take over signals")?;
    }
    Ok(stop)
}

/// Whether one of them came.
pub(crate) fn is_asked(signals: &UnixStream) -> bool {
    let mut now = [PollFd::new(signals, PollFlags::IN)];
    poll(&mut now, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}

/// As proc(5) says of this process.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_came_is_known_without_waiting() {
        let signals = signals().unwrap();
        assert!(!is_asked(&signals));
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert!(is_asked(&signals) && is_asked(&signals));
    }
}

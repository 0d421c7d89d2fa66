//! Being told to end while steps are taken: the step under way is finished, and all of them are taken back.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SIGNALS: [i32; 3] =
    [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];

/// Whether somebody has told the program to end.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on these signals end nothing by themselves. One that whoever started the program has it
    /// ignore, as nohup does, stays ignored.
    ///
    /// # Errors
    /// The system does not let it.
    pub(crate) fn new() -> io::Result<Self> {
        let told = Arc::new(AtomicBool::new(false));
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        for signal in SIGNALS.into_iter().filter(|signal| !is_ignored(&status, *signal)) {
            signal_hook::flag::register(signal, Arc::clone(&told))?;
        }
        Ok(Self(told))
    }

    pub(crate) fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// By the mask of ignored signals in a process's status (proc_pid_status(5)).
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, getpid, kill_process};

    #[test]
    fn a_signal_is_noticed_and_ends_nothing() {
        let interrupt = Interrupt::new().unwrap();
        assert!(!interrupt.is_told());
        kill_process(getpid(), Signal::TERM).unwrap();
        while !interrupt.is_told() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_is_ignored_is_told_by_the_mask() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored(status, signal_hook::consts::SIGHUP));
        assert!(!is_ignored(status, signal_hook::consts::SIGINT));
        assert!(!is_ignored("", signal_hook::consts::SIGHUP));
    }
}

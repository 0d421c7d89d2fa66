//! How a domain ends. It never restarts by itself: what a restart means is the toolstack's choice.

use crate::console;
use crate::hypercall::{self, ShutdownReason};
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

/// What `main` asks for when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The work is done: `on_poweroff` of the domain's configuration applies.
    Poweroff,
    /// The administrator asked for a reboot: `on_reboot` applies.
    Reboot,
    /// It cannot go on: `on_crash` applies.
    Crash,
}

/// Ends the domain after its console was read, or after a short wait.
pub(crate) fn end(ending: Ending) -> ! {
    console::drain();
    hypercall::shut_down(match ending {
        Ending::Poweroff => ShutdownReason::Poweroff,
        Ending::Reboot => ShutdownReason::Reboot,
        Ending::Crash => ShutdownReason::Crash,
    })
}

/// Reports one line and crashes the domain. A fault while reporting ends at once.
pub(crate) fn fatal(message: fmt::Arguments<'_>) -> ! {
    static REPORTING: AtomicBool = AtomicBool::new(false);
    if !REPORTING.swap(true, Ordering::Relaxed) {
        console::emergency(message);
        console::drain();
    }
    hypercall::shut_down(ShutdownReason::Crash)
}

#[panic_handler]
fn panic(panic: &core::panic::PanicInfo<'_>) -> ! {
    match panic.location() {
        Some(place) => fatal(format_args!("panic at {place}: {}", panic.message())),
        None => fatal(format_args!("panic: {}", panic.message())),
    }
}

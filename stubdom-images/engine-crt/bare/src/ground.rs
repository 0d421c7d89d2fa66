//! What the image would give the C runtime, and ways to break it.

use crate::linux;
use core::fmt::{Arguments, Write};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use engine_crt::Hooks;

struct Output;

impl Write for Output {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        linux::write(text.as_bytes());
        Ok(())
    }
}

/// Prints a line.
pub(crate) fn say(line: Arguments<'_>) {
    // Writing to `Output` cannot fail.
    let _never = writeln!(Output, "{line}");
}

static ENTROPY_FAILS: AtomicBool = AtomicBool::new(false);

/// From now on there is entropy, or there is none.
pub(crate) fn set_entropy(works: bool) {
    ENTROPY_FAILS.store(!works, Ordering::Relaxed);
}

static HOURS: AtomicU64 = AtomicU64::new(0);

/// Sets the wall clock forward.
pub(crate) fn pass_hours(hours: u64) {
    HOURS.fetch_add(hours, Ordering::Relaxed);
}

fn wall() -> Duration {
    linux::wall() + Duration::from_secs(3600 * HOURS.load(Ordering::Relaxed))
}

fn entropy(into: &mut [u8]) -> bool {
    !ENTROPY_FAILS.load(Ordering::Relaxed) && linux::random(into)
}

fn print(line: &[u8]) {
    linux::write(b"crt: ");
    linux::write(line);
    linux::write(b"\n");
}

fn die(reason: &str) -> ! {
    say(format_args!("died: {reason}"));
    linux::exit(102)
}

/// All of it.
pub(crate) static HOOKS: Hooks = Hooks { monotonic: linux::monotonic, wall, entropy, print, die };

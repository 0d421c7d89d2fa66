//! What the C libraries asked for in vain.

use core::sync::atomic::{AtomicU32, Ordering};

/// A thing that cannot work here, and how often it was asked for.
pub(crate) struct Refused {
    name: &'static str,
    calls: AtomicU32,
}

impl Refused {
    /// Counts, and says so the first time.
    #[cfg(any(test, target_os = "none"))]
    pub(crate) fn note(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 0 {
            let print = crate::hooks::get().print;
            print(b"the engine's C libraries asked for what is not here:");
            print(self.name.as_bytes());
        }
    }
}

macro_rules! refused {
    ($($constant:ident = $name:literal,)*) => {
        $(pub(crate) static $constant: Refused =
            Refused { name: $name, calls: AtomicU32::new(0) };)*
        static ALL: &[&Refused] = &[$(&$constant),*];
    };
}

refused! {
    CLOSEDIR = "closedir",
    FCLOSE = "fclose",
    FFLUSH = "fflush",
    FOPEN = "fopen",
    FREAD = "fread",
    FSEEK = "fseek",
    FTELL = "ftell",
    FWRITE = "fwrite",
    GMTIME = "gmtime",
    NANOSLEEP = "nanosleep",
    OPENDIR = "opendir",
    READDIR = "readdir",
    REMOVE = "remove",
    SSCANF = "sscanf",
    STAT = "stat",
    SYSCALL = "syscall",
    CONVERSION = "an unknown printf conversion",
}

/// What was refused so far, and how often.
pub fn refusals() -> impl Iterator<Item = (&'static str, u32)> {
    ALL.iter()
        .map(|refused| (refused.name, refused.calls.load(Ordering::Relaxed)))
        .filter(|(_, calls)| *calls > 0)
}

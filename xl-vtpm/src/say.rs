//! What the program says. The standard library's macros of these names end the program where nobody can be
//! told, on a closed pipe or a full disk, and with it a plan half-way, or the service. So all of the program uses these
//! in their place: it does what it was asked, heard or not.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Set when something that was said is lost. A reader who has gone away wants no more.
static LOST: AtomicBool = AtomicBool::new(false);

macro_rules! print {
    ($($words:tt)*) => { $crate::say::out(::std::format_args!($($words)*)) };
}

macro_rules! println {
    ($($words:tt)*) => {
        $crate::say::out(::std::format_args!("{}\n", ::std::format_args!($($words)*)))
    };
}

macro_rules! eprint {
    ($($words:tt)*) => { $crate::say::aside(::std::format_args!($($words)*)) };
}

macro_rules! eprintln {
    ($($words:tt)*) => {
        $crate::say::aside(::std::format_args!("{}\n", ::std::format_args!($($words)*)))
    };
}

/// Says it on standard output.
pub(crate) fn out(words: Arguments<'_>) {
    note(io::stdout().lock().write_fmt(words));
}

/// Says it on standard error. Whether it is heard changes nothing: there is nowhere else to say so.
pub(crate) fn aside(words: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(words);
}

/// Says at the end that something was lost.
pub(crate) fn end() {
    note(io::stdout().lock().flush());
    if LOST.load(Ordering::Relaxed) {
        eprintln!("xl-vtpm: warning: standard output cannot be written; some of it is lost");
    }
}

fn note(written: io::Result<()>) {
    if written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// A text of a domain's without what a terminal would obey: a vTPM's guest is nobody's friend.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

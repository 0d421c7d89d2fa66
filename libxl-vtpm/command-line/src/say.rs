//! What a program says. The standard library's macros of these names end the program where nobody can be told, on a
//! closed pipe or a full disk, and with it what it was about to do. Programs use these in their place, by
//! `#[macro_use] extern crate command_line`: they do what they were asked, heard or not.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Set when something that was said is lost. A reader who has gone away wants no more.
static LOST: AtomicBool = AtomicBool::new(false);

/// As the standard library's.
#[macro_export]
macro_rules! print {
    ($($words:tt)*) => { $crate::say::out(::std::format_args!($($words)*)) };
}

/// As the standard library's.
#[macro_export]
macro_rules! println {
    ($($words:tt)*) => {
        $crate::say::out(::std::format_args!("{}\n", ::std::format_args!($($words)*)))
    };
}

/// As the standard library's.
#[macro_export]
macro_rules! eprint {
    ($($words:tt)*) => { $crate::say::aside(::std::format_args!($($words)*)) };
}

/// As the standard library's.
#[macro_export]
macro_rules! eprintln {
    ($($words:tt)*) => {
        $crate::say::aside(::std::format_args!("{}\n", ::std::format_args!($($words)*)))
    };
}

/// Says it on standard output.
pub fn out(words: Arguments<'_>) {
    note(io::stdout().lock().write_fmt(words));
}

/// Says it on standard error. Whether it is heard changes nothing: there is nowhere else to say so.
pub fn aside(words: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(words);
}

/// Hands out on standard output what is nowhere else.
///
/// # Errors
/// Not all of it was taken.
pub fn hand_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

/// Says at the end that something was lost.
pub fn end(program: &str) {
    note(io::stdout().lock().flush());
    if LOST.load(Ordering::Relaxed) {
        aside(format_args!(
            "{program}: warning: standard output cannot be written; some of it is lost\n"
        ));
    }
}

fn note(written: io::Result<()>) {
    if written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

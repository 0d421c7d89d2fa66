//! What people are told. The standard library's macros end the program where nobody listens, on a closed
//! pipe or a full disk, and with it a TPM that serves.

use anyhow::{Context, Result};
use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// What a command was asked for, on standard output. A reader who has gone away wants no more.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn answer(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// One line on standard output, heard or not.
pub(crate) fn aside(line: Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

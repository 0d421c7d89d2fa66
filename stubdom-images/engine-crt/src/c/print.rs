//! The printf functions that the libraries use, in the form that `_FORTIFY_SOURCE=2` gives them.
#![allow(unsafe_code, reason = "C passes buffers, formats and arguments as pointers")]

use super::format::{Sink, format};
use super::variadic::VaList;
use super::{fatal, heap};
use crate::hooks;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

/// A buffer of C's: what does not fit is counted and dropped.
struct Buffer {
    first: *mut u8,
    capacity: usize,
    length: usize,
}

impl Sink for Buffer {
    fn put(&mut self, byte: u8) {
        if self.length < self.capacity {
            // SAFETY: C17 7.21.6.5: the buffer has `capacity` bytes.
            unsafe { self.first.add(self.length).write(byte) };
        }
        self.length = self.length.saturating_add(1);
    }
}

/// What printf functions return: the length without NUL, or -1 when that is no int.
fn returned(length: Option<usize>) -> c_int {
    length.and_then(|length| c_int::try_from(length).ok()).unwrap_or(-1)
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn __vsnprintf_chk(
    into: *mut u8,
    size: usize,
    _flag: c_int,
    room: usize,
    text: *const u8,
    arguments: *mut VaList,
) -> c_int {
    if size > room {
        fatal::__stack_chk_fail();
    }
    let mut buffer = Buffer { first: into, capacity: size.saturating_sub(1), length: 0 };
    // SAFETY: C17 7.21.6.12: format and arguments fit each other, the buffer has `size` bytes.
    let length = unsafe {
        let length = format(&mut buffer, text, &mut *arguments);
        if size > 0 {
            into.add(buffer.length.min(size - 1)).write(0);
        }
        length
    };
    returned(length)
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn __vasprintf_chk(
    into: *mut *mut u8,
    flag: c_int,
    text: *const u8,
    arguments: *mut VaList,
) -> c_int {
    // SAFETY: as vasprintf(3); measuring uses up a copy of the arguments.
    unsafe {
        into.write(core::ptr::null_mut());
        let mut measured = arguments.read();
        let no_room = core::ptr::null_mut();
        let length = __vsnprintf_chk(no_room, 0, flag, 0, text, &raw mut measured);
        let Ok(size) = usize::try_from(length) else { return -1 };
        let block = heap::malloc(size + 1);
        if block.is_null() {
            return -1;
        }
        into.write(block);
        __vsnprintf_chk(block, size + 1, flag, size + 1, text, arguments)
    }
}

/// Lines that the libraries may log in one run: they log when a TPM fails, which its user may be
/// able to provoke again and again.
const MOST_LINES: u32 = 32;

/// libtpms's log. It writes the command that made a TPM fail, as hex; that may hold passwords, so
/// lines of hex are left out.
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn __vdprintf_chk(
    _fd: c_int,
    _flag: c_int,
    text: *const u8,
    arguments: *mut VaList,
) -> c_int {
    static LINES: AtomicU32 = AtomicU32::new(0);
    let mut line = Line { bytes: [0; 160], length: 0 };
    // SAFETY: as vdprintf(3): format and arguments fit each other.
    let length = unsafe { format(&mut line, text, &mut *arguments) };
    let shown = line.bytes[..line.length].trim_ascii();
    let is_hex = shown.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b' ');
    if !is_hex && LINES.fetch_add(1, Ordering::Relaxed) < MOST_LINES {
        (hooks::get().print)(shown);
    }
    returned(length)
}

/// A line of text, cut where it is too long.
struct Line {
    bytes: [u8; 160],
    length: usize,
}

impl Sink for Line {
    fn put(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }
}

#[cfg(test)]
mod tests;

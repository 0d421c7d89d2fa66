//! `errno` (C17 7.5) and its texts.
#![allow(unsafe_code, reason = "C reads and writes errno through a pointer")]

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};

/// Math result not representable (Linux asm-generic/errno-base.h).
pub(super) const ERANGE: c_int = 34;
/// Invalid argument.
pub(super) const EINVAL: c_int = 22;
/// Input/output error.
pub(super) const EIO: c_int = 5;
/// Out of memory.
pub(super) const ENOMEM: c_int = 12;
/// Function not implemented.
pub(super) const ENOSYS: c_int = 38;

struct Errno(UnsafeCell<c_int>);

// SAFETY: there is one thread; tests of this crate only write it and read it back in one thread
// per assertion.
unsafe impl Sync for Errno {}

static ERRNO: Errno = Errno(UnsafeCell::new(0));

/// Sets `errno`.
pub(super) fn set(value: c_int) {
    // SAFETY: the cell is an integer that is only accessed whole; see `Errno`.
    unsafe { ERRNO.0.get().write(value) }
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn __errno_location() -> *mut c_int {
    ERRNO.0.get()
}

/// One text for all: nothing here decides by it, and a log line says the number too.
const TEXT: &CStr = c"error of the engine's C runtime";

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn strerror(_number: c_int) -> *const c_char {
    TEXT.as_ptr()
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn __xpg_strerror_r(
    _number: c_int,
    buffer: *mut u8,
    size: usize,
) -> c_int {
    let text = TEXT.to_bytes_with_nul();
    if size < text.len() {
        return ERANGE;
    }
    // SAFETY: POSIX strerror_r: `buffer` has `size` bytes, which is enough.
    unsafe { core::ptr::copy_nonoverlapping(text.as_ptr(), buffer, text.len()) };
    0
}

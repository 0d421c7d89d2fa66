//! Strings: comparing and copying (C17 7.24, POSIX strdup).
#![allow(unsafe_code, reason = "C passes strings as pointers")]

use super::heap;
use core::cmp::Ordering;
use core::ffi::{CStr, c_int};

/// The bytes of a C string, the NUL included.
///
/// # Safety
/// `string` is NUL-terminated and unchanged while the result lives.
pub(super) unsafe fn with_nul<'a>(string: *const u8) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(string.cast()) }.to_bytes_with_nul()
}

/// The bytes of a C string up to its NUL or `most`, whichever comes first.
///
/// # Safety
/// `string` has a NUL or `most` readable bytes, unchanged while the result lives.
pub(super) unsafe fn at_most<'a>(string: *const u8, most: usize) -> &'a [u8] {
    let mut length = 0;
    // SAFETY: no NUL came before `length`, so that byte is part of the string.
    while length < most && unsafe { string.add(length).read() } != 0 {
        length += 1;
    }
    // SAFETY: these bytes were just read.
    unsafe { core::slice::from_raw_parts(string, length) }
}

fn sign(order: Ordering) -> c_int {
    match order {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strcmp(left: *const u8, right: *const u8) -> c_int {
    // SAFETY: C17 7.24.4.2: both are strings.
    sign(unsafe { with_nul(left).cmp(with_nul(right)) })
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strncmp(left: *const u8, right: *const u8, most: usize) -> c_int {
    // SAFETY: C17 7.24.4.4: both are arrays of at most `most` bytes or end at a NUL before.
    sign(unsafe { at_most(left, most).cmp(at_most(right, most)) })
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strcpy(to: *mut u8, from: *const u8) -> *mut u8 {
    // SAFETY: C17 7.24.2.3: `from` is a string, `to` has room for it, they do not overlap.
    unsafe {
        let bytes = with_nul(from);
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
    }
    to
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strncpy(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    // SAFETY: C17 7.24.2.4: `to` has `size` bytes, `from` is read up to a NUL or `size`, they do
    // not overlap; the rest is filled with NUL.
    unsafe {
        let bytes = at_most(from, size);
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        to.add(bytes.len()).write_bytes(0, size - bytes.len());
    }
    to
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strdup(string: *const u8) -> *mut u8 {
    // SAFETY: POSIX strdup: `string` is a string.
    let bytes = unsafe { with_nul(string) };
    let copy = heap::malloc(bytes.len());
    if !copy.is_null() {
        // SAFETY: the block has that many bytes and is new.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
    }
    copy
}

#[cfg(test)]
mod tests;

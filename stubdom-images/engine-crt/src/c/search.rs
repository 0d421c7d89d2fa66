//! Strings and memory: finding (C17 7.24.5).
#![allow(unsafe_code, reason = "C passes strings as pointers")]

use super::string::with_nul;
use core::ffi::c_int;
use core::ptr::null_mut;

/// C converts the sought character to unsigned char.
const fn byte(character: c_int) -> u8 {
    character.to_le_bytes()[0]
}

/// A pointer to the found place, or null.
fn place(string: *const u8, found: Option<usize>) -> *mut u8 {
    found.map_or(null_mut(), |at| string.wrapping_add(at).cast_mut())
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn memchr(
    memory: *const u8,
    character: c_int,
    size: usize,
) -> *mut u8 {
    let sought = byte(character);
    for at in 0..size {
        // SAFETY: C17 7.24.5.1 reads as if one byte after the other and stops at the first match:
        // every byte before a match is readable.
        if unsafe { memory.add(at).read() } == sought {
            return place(memory, Some(at));
        }
    }
    null_mut()
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strchr(string: *const u8, character: c_int) -> *mut u8 {
    // SAFETY: C17 7.24.5.2: `string` is a string.
    let bytes = unsafe { with_nul(string) };
    place(string, bytes.iter().position(|each| *each == byte(character)))
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strrchr(string: *const u8, character: c_int) -> *mut u8 {
    // SAFETY: C17 7.24.5.5: `string` is a string.
    let bytes = unsafe { with_nul(string) };
    place(string, bytes.iter().rposition(|each| *each == byte(character)))
}

/// The first byte of a string that is, or is not, one of a set; the NUL ends both.
///
/// # Safety
/// Both are C strings.
unsafe fn first(string: *const u8, set: *const u8, in_set: bool) -> usize {
    // SAFETY: the caller's promise.
    let (bytes, set) = unsafe { (with_nul(string), with_nul(set)) };
    let (bytes, set) = (&bytes[..bytes.len() - 1], &set[..set.len() - 1]);
    bytes.iter().position(|each| set.contains(each) == in_set).unwrap_or(bytes.len())
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strspn(string: *const u8, set: *const u8) -> usize {
    // SAFETY: C17 7.24.5.6: both are strings.
    unsafe { first(string, set, false) }
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strcspn(string: *const u8, set: *const u8) -> usize {
    // SAFETY: C17 7.24.5.3: both are strings.
    unsafe { first(string, set, true) }
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strpbrk(string: *const u8, set: *const u8) -> *mut u8 {
    // SAFETY: C17 7.24.5.4: both are strings; `first` stays within the first, NUL included.
    let (at, end) = unsafe {
        let at = first(string, set, true);
        (at, string.add(at).read() == 0)
    };
    place(string, (!end).then_some(at))
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strstr(string: *const u8, sought: *const u8) -> *mut u8 {
    // SAFETY: C17 7.24.5.7: both are strings.
    let (bytes, sought) = unsafe { (with_nul(string), with_nul(sought)) };
    let (bytes, sought) = (&bytes[..bytes.len() - 1], &sought[..sought.len() - 1]);
    if sought.is_empty() {
        return place(string, Some(0));
    }
    place(string, bytes.windows(sought.len()).position(|window| window == sought))
}

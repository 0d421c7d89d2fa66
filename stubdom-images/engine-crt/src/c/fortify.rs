//! What `_FORTIFY_SOURCE=2` makes of memcpy and memset: the size of the destination comes along.
#![allow(unsafe_code, reason = "C passes buffers as pointers")]

use crate::hooks;
use core::ffi::c_int;

fn check(wanted: usize, room: usize) {
    if wanted > room {
        (hooks::get().die)("a C function of the engine would have written past a buffer");
    }
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn __memcpy_chk(
    to: *mut u8,
    from: *const u8,
    size: usize,
    room: usize,
) -> *mut u8 {
    check(size, room);
    // SAFETY: C17 7.24.2.1: both have `size` bytes and do not overlap.
    unsafe { core::ptr::copy_nonoverlapping(from, to, size) };
    to
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn __memset_chk(
    to: *mut u8,
    byte: c_int,
    size: usize,
    room: usize,
) -> *mut u8 {
    check(size, room);
    // SAFETY: C17 7.24.6.1: `to` has `size` bytes. C converts the value to unsigned char.
    unsafe { core::ptr::write_bytes(to, byte.to_le_bytes()[0], size) };
    to
}

#[cfg(test)]
mod tests {
    use super::{__memcpy_chk, __memset_chk};

    #[test]
    fn within_the_buffer_they_are_memcpy_and_memset() {
        let (from, mut to) = ([1_u8, 2, 3, 4], [0_u8; 4]);
        // SAFETY: both arrays have the sizes given.
        unsafe { __memcpy_chk(to.as_mut_ptr(), from.as_ptr(), 3, 4) };
        assert_eq!(to, [1, 2, 3, 0]);
        // SAFETY: as above.
        unsafe { __memset_chk(to.as_mut_ptr(), 0x1ff, 2, 4) };
        assert_eq!(to, [0xff, 0xff, 3, 0]);
    }
}

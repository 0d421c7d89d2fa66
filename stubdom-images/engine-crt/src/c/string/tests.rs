//! The same answers as the host's C library.

use crate::c::{search, string};
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::c_int;
use proptest::prelude::*;

mod libc {
    use core::ffi::c_int;

    unsafe extern "C" {
        pub(super) fn strcmp(left: *const u8, right: *const u8) -> c_int;
        pub(super) fn strncmp(left: *const u8, right: *const u8, most: usize) -> c_int;
        pub(super) fn strncpy(to: *mut u8, from: *const u8, size: usize) -> *mut u8;
        pub(super) fn memchr(memory: *const u8, character: c_int, size: usize) -> *mut u8;
        pub(super) fn strchr(string: *const u8, character: c_int) -> *mut u8;
        pub(super) fn strrchr(string: *const u8, character: c_int) -> *mut u8;
        pub(super) fn strspn(string: *const u8, set: *const u8) -> usize;
        pub(super) fn strcspn(string: *const u8, set: *const u8) -> usize;
        pub(super) fn strpbrk(string: *const u8, set: *const u8) -> *mut u8;
        pub(super) fn strstr(string: *const u8, sought: *const u8) -> *mut u8;
    }
}

/// Strings over few letters, so that they often agree and contain each other; and high bytes, which
/// C compares as unsigned.
fn text() -> impl Strategy<Value = CString> {
    let letter = prop_oneof![Just(b'a'), Just(b'b'), Just(b'c'), Just(0xe9_u8)];
    prop::collection::vec(letter, 0..12).prop_map(|bytes| CString::new(bytes).unwrap())
}

proptest! {
    #[test]
    fn comparisons(left in text(), right in text(), most in 0_usize..14) {
        let (left, right) = (left.as_ptr().cast(), right.as_ptr().cast());
        // SAFETY: both are C strings.
        let (ours, theirs) = unsafe {
            (
                (string::strcmp(left, right), string::strncmp(left, right, most)),
                (libc::strcmp(left, right), libc::strncmp(left, right, most)),
            )
        };
        prop_assert_eq!((ours.0.signum(), ours.1.signum()), (theirs.0.signum(), theirs.1.signum()));
    }

    #[test]
    fn searches(text in text(), set in text(), byte in prop_oneof![Just(0), Just(97), Just(99), Just(0xe9)]) {
        let (text_at, set_at): (*const u8, *const u8) = (text.as_ptr().cast(), set.as_ptr().cast());
        let size = text.as_bytes_with_nul().len();
        let byte: c_int = byte;
        // SAFETY: both are C strings, and `text` has `size` bytes.
        let (ours, theirs) = unsafe {
            (
                [
                    search::strchr(text_at, byte), search::strrchr(text_at, byte),
                    search::memchr(text_at, byte, size), search::strpbrk(text_at, set_at),
                    search::strstr(text_at, set_at),
                ],
                [
                    libc::strchr(text_at, byte), libc::strrchr(text_at, byte),
                    libc::memchr(text_at, byte, size), libc::strpbrk(text_at, set_at),
                    libc::strstr(text_at, set_at),
                ],
            )
        };
        prop_assert_eq!(ours, theirs);
        // SAFETY: both are C strings.
        let (ours, theirs) = unsafe {
            (
                (search::strspn(text_at, set_at), search::strcspn(text_at, set_at)),
                (libc::strspn(text_at, set_at), libc::strcspn(text_at, set_at)),
            )
        };
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn copies(text in text(), size in 0_usize..20) {
        let mut ours: Vec<u8> = alloc::vec![0x55; 20];
        let mut theirs = ours.clone();
        // SAFETY: `text` is a C string and both buffers have more than `size` bytes.
        unsafe {
            string::strncpy(ours.as_mut_ptr(), text.as_ptr().cast(), size);
            libc::strncpy(theirs.as_mut_ptr(), text.as_ptr().cast(), size);
        }
        prop_assert_eq!(&ours, &theirs);
        // SAFETY: `text` is a C string of less than 20 bytes.
        unsafe { string::strcpy(ours.as_mut_ptr(), text.as_ptr().cast()) };
        prop_assert_eq!(&ours[..text.as_bytes_with_nul().len()], text.as_bytes_with_nul());
        // SAFETY: `text` is a C string; the copy is given back.
        unsafe {
            let copy = string::strdup(text.as_ptr().cast());
            prop_assert_eq!(string::with_nul(copy), text.as_bytes_with_nul());
            super::heap::free(copy);
        }
    }
}

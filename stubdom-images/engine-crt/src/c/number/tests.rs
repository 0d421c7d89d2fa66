//! The same answers as the host's C library.

use super::{atoi, strtol, strtoul};
use alloc::ffi::CString;
use alloc::string::String;
use core::ffi::{c_int, c_long, c_ulong};
use core::ptr::null;
use proptest::prelude::*;

mod libc {
    use core::ffi::{c_int, c_long, c_ulong};

    unsafe extern "C" {
        pub(super) fn strtol(text: *const u8, end: *mut *const u8, base: c_int) -> c_long;
        pub(super) fn strtoul(text: *const u8, end: *mut *const u8, base: c_int) -> c_ulong;
        pub(super) fn atoi(text: *const u8) -> c_int;
    }
}

/// Everything about one text and base: both values, where each ended, and the int.
type Outcome = (c_long, *const u8, c_ulong, *const u8, c_int);

fn ours(text: &CString, base: c_int) -> Outcome {
    let text = text.as_ptr().cast();
    let (mut first, mut second) = (null(), null());
    // SAFETY: `text` is a C string and the ends are places for pointers.
    unsafe {
        let signed = strtol(text, &raw mut first, base);
        let unsigned = strtoul(text, &raw mut second, base);
        (signed, first, unsigned, second, atoi(text))
    }
}

fn theirs(text: &CString, base: c_int) -> Outcome {
    let text = text.as_ptr().cast();
    let (mut first, mut second) = (null(), null());
    // SAFETY: `text` is a C string and the ends are places for pointers.
    unsafe {
        let signed = libc::strtol(text, &raw mut first, base);
        let unsigned = libc::strtoul(text, &raw mut second, base);
        (signed, first, unsigned, second, libc::atoi(text))
    }
}

fn base() -> impl Strategy<Value = c_int> {
    prop_oneof![Just(0), Just(10), Just(16), Just(8), 2..=36]
}

proptest! {
    #[test]
    fn likely_numbers(text in "[ \t\n]{0,2}[-+]{0,2}(0|0x|0X)?[0-9a-zA-Z]{0,24}[ z.]{0,2}", base in base()) {
        let text = CString::new(text).unwrap();
        prop_assert_eq!(ours(&text, base), theirs(&text, base));
    }

    #[test]
    fn numbers_near_the_limits(value in any::<i128>(), shift in 60_u32..70, base in base()) {
        let value = value >> (128 - shift);
        let text = CString::new(alloc::format!("{value}")).unwrap();
        prop_assert_eq!(ours(&text, base), theirs(&text, base));
    }
}

#[test]
fn a_prefix_without_a_digit_is_only_a_zero() {
    for text in ["0x", "0xg", "-0x", "08", "0", "", "  ", "+", "0X1F", "-9223372036854775808"] {
        let text = CString::new(String::from(text)).unwrap();
        for base in [0, 8, 10, 16] {
            assert_eq!(ours(&text, base), theirs(&text, base), "{text:?} in {base}");
        }
    }
}

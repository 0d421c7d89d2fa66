//! The same text as the host's C library, through the same variadic calls.

use crate::c::heap;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use core::ffi::{c_char, c_int};
use proptest::prelude::*;

unsafe extern "C" {
    fn engine_crt_test___snprintf_chk(
        into: *mut u8,
        size: usize,
        flag: c_int,
        room: usize,
        text: *const c_char,
        ...
    ) -> c_int;
    fn engine_crt_test___asprintf_chk(
        into: *mut *mut u8,
        flag: c_int,
        text: *const c_char,
        ...
    ) -> c_int;
    fn snprintf(into: *mut u8, size: usize, text: *const c_char, ...) -> c_int;
}

/// Formats the same arguments here and in the host's C library, into a buffer of `$size` bytes, and
/// compares the buffers and the results.
macro_rules! same {
    ($size:expr, $format:expr $(, $argument:expr)*) => {{
        let format = CString::new($format).unwrap();
        let (mut ours, mut theirs) = ([0x55_u8; 128], [0x55_u8; 128]);
        // SAFETY: the buffers have more than `$size` bytes; each use below passes the arguments
        // that its format asks for.
        let (our_length, their_length) = unsafe {
            (
                engine_crt_test___snprintf_chk(
                    ours.as_mut_ptr(), $size, 1, 128, format.as_ptr() $(, $argument)*),
                snprintf(theirs.as_mut_ptr(), $size, format.as_ptr() $(, $argument)*),
            )
        };
        assert_eq!(
            (our_length, String::from_utf8_lossy(&ours)),
            (their_length, String::from_utf8_lossy(&theirs)),
            "{:?}", format
        );
    }};
}

/// Flags, width and precision in any combination.
fn decoration() -> impl Strategy<Value = String> {
    let number = || prop::option::of(0_u8..24);
    ("[-0#+ ]{0,3}", number(), prop::option::of(number())).prop_map(|(flags, width, precision)| {
        let shown = |number: Option<u8>| number.map(|n| format!("{n}")).unwrap_or_default();
        let precision = precision.map(|p| format!(".{}", shown(p))).unwrap_or_default();
        format!("{flags}{}{precision}", shown(width))
    })
}

fn interesting() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(8), Just(u64::MAX), Just(1 << 31), any::<u64>()]
}

proptest! {
    #[test]
    fn integers(
        decoration in decoration(),
        size in prop_oneof![Just("hh"), Just("h"), Just(""), Just("l"), Just("ll"), Just("z"), Just("j")],
        letter in "[diuoxX]",
        value in interesting(),
        room in 0_usize..100,
    ) {
        same!(room, format!("<%{decoration}{size}{letter}>"), value);
    }

    #[test]
    fn texts(width in prop::option::of(0_u8..20), precision in prop::option::of(0_u8..20),
             left in any::<bool>(), value in "[a-z]{0,15}", room in 0_usize..50) {
        let value = CString::new(value).unwrap();
        let left = if left { "-" } else { "" };
        let width = width.map(|w| format!("{w}")).unwrap_or_default();
        let precision = precision.map(|p| format!(".{p}")).unwrap_or_default();
        same!(room, format!("[%{left}{width}{precision}s]"), value.as_ptr());
        same!(room, format!("[%{left}{width}c]"), c_int::from(b'q'));
    }

    #[test]
    fn widths_as_arguments(width in -20_i32..20, precision in -5_i32..20, value in any::<i32>()) {
        same!(100, "%*.*d|%*s", width, precision, value, width, c"x".as_ptr());
    }
}

#[test]
fn more_arguments_than_registers() {
    same!(
        120,
        "%d %s %ld %x %c %u %s %d %d %lu",
        1,
        c"two".as_ptr(),
        3_i64,
        4,
        53,
        6_u32,
        c"seven".as_ptr(),
        -8,
        9,
        u64::MAX
    );
}

#[test]
fn corners() {
    same!(
        64,
        "%% %p %p %s %.3s|",
        core::ptr::null::<u8>(),
        0x1234_usize as *const u8,
        core::ptr::null::<u8>(),
        core::ptr::null::<u8>()
    );
    same!(64, "%.0d|%.0x|%#.0o|%#o|%#o|%+d|% d", 0, 0, 0, 0, 8, 5, 6);
    same!(0, "nothing fits %d", 1);
    same!(1, "only the end fits %d", 1);
}

#[test]
fn asprintf_makes_the_room_it_needs() {
    let mut text = core::ptr::null_mut();
    // SAFETY: `text` is a place for a pointer, and the arguments are as the format says.
    let length = unsafe {
        let long = [b'x'; 300];
        engine_crt_test___asprintf_chk(
            &raw mut text,
            1,
            c"%s-%.*s".as_ptr(),
            c"start".as_ptr(),
            300,
            long.as_ptr(),
        )
    };
    assert_eq!(length, 306);
    // SAFETY: asprintf made a string of that length, which is given back.
    unsafe {
        let bytes = core::slice::from_raw_parts(text, 307);
        assert!(bytes.starts_with(b"start-xxx") && bytes[306] == 0);
        heap::free(text);
    }
}

#[test]
fn an_unknown_conversion_is_refused() {
    crate::c::tests::install();
    let mut buffer = [0x55_u8; 16];
    // SAFETY: the buffer has 16 bytes; nothing is read for `%f`.
    let length = unsafe {
        engine_crt_test___snprintf_chk(buffer.as_mut_ptr(), 16, 1, 16, c"a%fb".as_ptr(), 0_u64)
    };
    assert_eq!((length, &buffer[..2]), (-1, &b"a\0"[..]));
}

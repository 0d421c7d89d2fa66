//! Character classes of the "C" locale, in the layout that glibc's <ctype.h> compiled into the
//! libraries: tables indexed from -128 to 255.
#![allow(unsafe_code, reason = "C reads the tables through pointers")]

const BELOW: usize = 128;
const ENTRIES: usize = BELOW + 256;

// glibc's `enum` in ctype.h on a little-endian machine
const UPPER: u16 = 1 << 8;
const LOWER: u16 = 1 << 9;
const ALPHA: u16 = 1 << 10;
const DIGIT: u16 = 1 << 11;
const XDIGIT: u16 = 1 << 12;
const SPACE: u16 = 1 << 13;
const PRINT: u16 = 1 << 14;
const GRAPH: u16 = 1 << 15;
const BLANK: u16 = 1 << 0;
const CNTRL: u16 = 1 << 1;
const PUNCT: u16 = 1 << 2;
const ALNUM: u16 = 1 << 3;

/// Nothing above ASCII has a class in the "C" locale.
const fn class(byte: u8) -> u16 {
    let mut class = match byte {
        b'A'..=b'Z' => UPPER | ALPHA | ALNUM | GRAPH | PRINT,
        b'a'..=b'z' => LOWER | ALPHA | ALNUM | GRAPH | PRINT,
        b'0'..=b'9' => DIGIT | XDIGIT | ALNUM | GRAPH | PRINT,
        b' ' => SPACE | BLANK | PRINT,
        b'\t' => SPACE | BLANK | CNTRL,
        b'\n'..=b'\r' => SPACE | CNTRL,
        0..=0x1f | 0x7f => CNTRL,
        0x80..=0xff => 0,
        _ => PUNCT | GRAPH | PRINT,
    };
    if matches!(byte, b'A'..=b'F' | b'a'..=b'f') {
        class |= XDIGIT;
    }
    class
}

const CLASSES: [u16; ENTRIES] = {
    let mut table = [0; ENTRIES];
    let mut byte = 0;
    while byte < 128 {
        table[BELOW + byte as usize] = class(byte);
        byte += 1;
    }
    table
};

const LOWERED: [i32; ENTRIES] = {
    let mut table = [0; ENTRIES];
    let (mut at, mut value) = (0, -128);
    while at < ENTRIES {
        let is_upper = value >= b'A' as i32 && value <= b'Z' as i32;
        table[at] = if is_upper { value + 32 } else { value };
        at += 1;
        value += 1;
    }
    // as glibc has it: below zero the table repeats the bytes from 128 on, except EOF
    let mut at = 0;
    while at < BELOW - 1 {
        table[at] += 256;
        at += 1;
    }
    table
};

static CLASS_TABLE: [u16; ENTRIES] = CLASSES;
static LOWER_TABLE: [i32; ENTRIES] = LOWERED;

/// A pointer to a table's entry for character 0, in a place that has an address of its own.
#[repr(transparent)]
struct Middle<T>(*const T);

// SAFETY: the pointer is to a static that nobody writes.
unsafe impl<T> Sync for Middle<T> {}

static CLASS_MIDDLE: Middle<u16> =
    Middle((&raw const CLASS_TABLE).cast::<u16>().wrapping_add(BELOW));
static LOWER_MIDDLE: Middle<i32> =
    Middle((&raw const LOWER_TABLE).cast::<i32>().wrapping_add(BELOW));

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn __ctype_b_loc() -> *const *const u16 {
    (&raw const CLASS_MIDDLE).cast()
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn __ctype_tolower_loc() -> *const *const i32 {
    (&raw const LOWER_MIDDLE).cast()
}

#[cfg(test)]
mod tests {
    use super::{__ctype_b_loc, __ctype_tolower_loc};

    mod libc {
        unsafe extern "C" {
            pub(super) fn __ctype_b_loc() -> *const *const u16;
            pub(super) fn __ctype_tolower_loc() -> *const *const i32;
        }
    }

    #[test]
    fn every_entry_is_that_of_the_c_locale() {
        for at in -128_isize..256 {
            // SAFETY: both tables go from -128 to 255. A test process starts in the "C" locale.
            let (ours, theirs) = unsafe {
                (
                    (
                        (*__ctype_b_loc()).offset(at).read(),
                        (*__ctype_tolower_loc()).offset(at).read(),
                    ),
                    (
                        (*libc::__ctype_b_loc()).offset(at).read(),
                        (*libc::__ctype_tolower_loc()).offset(at).read(),
                    ),
                )
            };
            assert_eq!(ours, theirs, "character {at}");
        }
    }
}

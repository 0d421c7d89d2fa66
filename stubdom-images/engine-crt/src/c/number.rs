//! Numbers in text (C17 7.22.1).
#![allow(unsafe_code, reason = "C passes strings as pointers")]

use super::errno;
use super::string::with_nul;
use core::ffi::{c_int, c_long, c_ulong};

/// What the text starts with.
struct Number {
    negative: bool,
    /// `None` when it does not fit 64 bits.
    magnitude: Option<u64>,
    /// How many bytes it took; 0 when there is no number.
    length: usize,
}

/// White space of the "C" locale.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

const fn digit(byte: u8, base: u32) -> Option<u32> {
    (byte as char).to_digit(base)
}

/// The base that a prefix chooses, and the prefix's length. A prefix counts only when a digit
/// follows it.
fn base_of(text: &[u8], base: u32) -> (u32, usize) {
    let hex = matches!(text, [b'0', b'x' | b'X', next, ..] if digit(*next, 16).is_some());
    match base {
        0 | 16 if hex => (16, 2),
        0 if text.starts_with(b"0") => (8, 0),
        0 => (10, 0),
        given => (given, 0),
    }
}

/// Reads a number in `base`, 0 or 2 to 36.
fn read(text: &[u8], base: u32) -> Number {
    let spaces = text.iter().take_while(|byte| is_space(**byte)).count();
    let rest = &text[spaces..];
    let (negative, sign) = match rest.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let (base, prefix) = base_of(&rest[sign..], base);
    let digits = &rest[sign + prefix..];
    let count = digits.iter().take_while(|byte| digit(**byte, base).is_some()).count();
    let magnitude = digits[..count].iter().try_fold(0_u64, |number, byte| {
        number.checked_mul(u64::from(base))?.checked_add(u64::from(digit(*byte, base)?))
    });
    let length = if count == 0 { 0 } else { spaces + sign + prefix + count };
    Number { negative, magnitude, length }
}

/// # Safety
/// As C17 7.22.1.4 says of strtol.
unsafe fn parse(text: *const u8, end: *mut *const u8, base: c_int) -> Option<Number> {
    let base = u32::try_from(base).ok().filter(|base| *base == 0 || (2..=36).contains(base));
    let Some(base) = base else {
        errno::set(errno::EINVAL);
        return None;
    };
    // SAFETY: `text` is a string.
    let number = read(unsafe { with_nul(text) }, base);
    if !end.is_null() {
        // SAFETY: `end` is null or a place for a pointer.
        unsafe { end.write(text.wrapping_add(number.length)) };
    }
    Some(number)
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strtol(
    text: *const u8,
    end: *mut *const u8,
    base: c_int,
) -> c_long {
    // SAFETY: this is strtol.
    let Some(number) = (unsafe { parse(text, end, base) }) else { return 0 };
    let value = number.magnitude.and_then(|magnitude| match number.negative {
        true => 0_i64.checked_sub_unsigned(magnitude),
        false => i64::try_from(magnitude).ok(),
    });
    value.unwrap_or_else(|| {
        errno::set(errno::ERANGE);
        if number.negative { c_long::MIN } else { c_long::MAX }
    })
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn strtoul(
    text: *const u8,
    end: *mut *const u8,
    base: c_int,
) -> c_ulong {
    // SAFETY: strtoul takes what strtol takes.
    let Some(number) = (unsafe { parse(text, end, base) }) else { return 0 };
    match number.magnitude {
        Some(magnitude) if number.negative => magnitude.wrapping_neg(),
        Some(magnitude) => magnitude,
        None => {
            errno::set(errno::ERANGE);
            c_ulong::MAX
        }
    }
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn atoi(text: *const u8) -> c_int {
    // SAFETY: C17 7.22.1.2: `text` is a string.
    let value = unsafe { strtol(text, core::ptr::null_mut(), 10) };
    // what glibc does: the low half
    let [a, b, c, d, ..] = value.to_le_bytes();
    c_int::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;

//! What `printf` does with a format (C17 7.21.6.1): everything but floating point and `%n`.
#![allow(unsafe_code, reason = "reads a format and arguments as C passes them")]

use super::string::at_most;
use super::variadic::VaList;
use crate::refused;

/// Where formatted bytes go.
pub(super) trait Sink {
    /// Takes one byte.
    fn put(&mut self, byte: u8);
}

/// Counts what passes.
struct Counted<'a> {
    sink: &'a mut dyn Sink,
    count: usize,
}

impl Counted<'_> {
    fn put(&mut self, byte: u8) {
        self.sink.put(byte);
        self.count = self.count.saturating_add(1);
    }

    fn put_all(&mut self, bytes: impl IntoIterator<Item = u8>) {
        bytes.into_iter().for_each(|byte| self.put(byte));
    }

    fn repeat(&mut self, byte: u8, times: usize) {
        (0..times).for_each(|_| self.put(byte));
    }
}

/// One conversion specification.
#[derive(Default)]
struct Specification {
    left: bool,
    zero: bool,
    alternative: bool,
    plus: bool,
    space: bool,
    width: usize,
    precision: Option<usize>,
    /// Bytes of the argument.
    size: usize,
}

/// The format, read byte by byte.
struct Format(*const u8);

impl Format {
    /// # Safety
    /// The NUL has not been passed.
    unsafe fn peek(&self) -> u8 {
        // SAFETY: the caller's promise.
        unsafe { self.0.read() }
    }

    /// # Safety
    /// The NUL has not been passed.
    unsafe fn next(&mut self) -> u8 {
        // SAFETY: the caller's promise; behind a byte that is not NUL there is another.
        let byte = unsafe { self.peek() };
        if byte != 0 {
            self.0 = self.0.wrapping_add(1);
        }
        byte
    }

    /// Takes the next byte if it is this one.
    ///
    /// # Safety
    /// The NUL has not been passed.
    unsafe fn take(&mut self, byte: u8) -> bool {
        // SAFETY: the caller's promise.
        let found = unsafe { self.peek() } == byte;
        if found {
            self.0 = self.0.wrapping_add(1);
        }
        found
    }

    /// A number in the format, or for `*` the next argument. Negative only for an argument.
    ///
    /// # Safety
    /// The NUL has not been passed, and `*` has its argument.
    unsafe fn number(&mut self, arguments: &mut VaList) -> i64 {
        // SAFETY: the caller's promise.
        if unsafe { self.take(b'*') } {
            // SAFETY: the caller's promise.
            return signed(unsafe { arguments.next() }, 4);
        }
        let mut number = 0_i64;
        // SAFETY: the caller's promise; only digits are passed.
        while let digit @ b'0'..=b'9' = unsafe { self.peek() } {
            number = number.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            self.0 = self.0.wrapping_add(1);
        }
        number
    }

    /// What stands between `%` and the conversion's letter.
    ///
    /// # Safety
    /// The NUL has not been passed, and every `*` has its argument.
    unsafe fn specification(&mut self, arguments: &mut VaList) -> Specification {
        let mut found = Specification { size: 4, ..Specification::default() };
        // SAFETY: the caller's promise, for all of this function.
        unsafe {
            loop {
                match self.peek() {
                    b'-' => found.left = true,
                    b'0' => found.zero = true,
                    b'#' => found.alternative = true,
                    b'+' => found.plus = true,
                    b' ' => found.space = true,
                    _ => break,
                }
                self.next();
            }
            let width = self.number(arguments);
            found.left |= width < 0;
            found.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
            if self.take(b'.') {
                // a negative precision is none
                found.precision = usize::try_from(self.number(arguments)).ok();
            }
            loop {
                match self.peek() {
                    b'h' => found.size /= 2,
                    b'l' | b'z' | b'j' | b't' => found.size = 8,
                    _ => return found,
                }
                self.next();
            }
        }
    }
}

/// The low bytes of an argument as a signed number.
fn signed(argument: u64, size: usize) -> i64 {
    let shift = 64 - 8 * size.clamp(1, 8);
    (argument << shift).cast_signed() >> shift
}

/// The low bytes of an argument as an unsigned number.
fn unsigned(argument: u64, size: usize) -> u64 {
    let shift = 64 - 8 * size.clamp(1, 8);
    argument << shift >> shift
}

/// Formats `arguments` as `text` says. `None` when it holds a conversion that is not known here;
/// what stands before it was put.
///
/// # Safety
/// `text` is a C string, and the arguments are those that it asks for.
pub(super) unsafe fn format(
    sink: &mut dyn Sink,
    text: *const u8,
    arguments: &mut VaList,
) -> Option<usize> {
    let mut sink = Counted { sink, count: 0 };
    let mut text = Format(text);
    // SAFETY: the caller's promise, for all of this function: `next` never passes the NUL, and
    // each letter takes the argument that C says it has.
    unsafe {
        loop {
            match text.next() {
                0 => return Some(sink.count),
                b'%' if text.take(b'%') => sink.put(b'%'),
                b'%' => {
                    let how = text.specification(arguments);
                    convert(&mut sink, &how, text.next(), arguments)?;
                }
                byte => sink.put(byte),
            }
        }
    }
}

/// # Safety
/// The next argument is what `letter` asks for.
unsafe fn convert(
    sink: &mut Counted<'_>,
    how: &Specification,
    letter: u8,
    arguments: &mut VaList,
) -> Option<()> {
    // SAFETY: the caller's promise; an unknown letter takes nothing and ends the formatting.
    let mut next = || unsafe { arguments.next() };
    match letter {
        b'c' => text(sink, how, &[next().to_le_bytes()[0]]),
        b'd' | b'i' => {
            let value = signed(next(), how.size);
            let sign: &[u8] = match (value < 0, how.plus, how.space) {
                (true, ..) => b"-",
                (_, true, _) => b"+",
                (_, _, true) => b" ",
                _ => b"",
            };
            integer(sink, how, sign, value.unsigned_abs(), Base { radix: 10, upper: false });
        }
        b'u' => {
            integer(sink, how, b"", unsigned(next(), how.size), Base { radix: 10, upper: false })
        }
        b'o' => octal(sink, how, unsigned(next(), how.size)),
        b'x' | b'X' => {
            let value = unsigned(next(), how.size);
            let prefix: &[u8] = match (how.alternative && value != 0, letter) {
                (true, b'x') => b"0x",
                (true, _) => b"0X",
                _ => b"",
            };
            integer(sink, how, prefix, value, Base { radix: 16, upper: letter == b'X' });
        }
        b'p' => match next() {
            // as glibc shows it
            0 => text(sink, &Specification { precision: None, ..*how }, b"(nil)"),
            value => integer(sink, how, b"0x", value, Base { radix: 16, upper: false }),
        },
        b's' => {
            let string = next() as *const u8;
            let most = how.precision.unwrap_or(usize::MAX);
            match string.is_null() {
                // as glibc shows it: whole or not at all
                true if most >= 6 => text(sink, how, b"(null)"),
                true => text(sink, how, b""),
                // SAFETY: the argument is a string, or has as many bytes as the precision says.
                false => text(sink, how, unsafe { at_most(string, most) }),
            }
        }
        _ => {
            refused::CONVERSION.note();
            return None;
        }
    }
    Some(())
}

/// Text, padded with spaces.
fn text(sink: &mut Counted<'_>, how: &Specification, bytes: &[u8]) {
    let padding = how.width.saturating_sub(bytes.len());
    if !how.left {
        sink.repeat(b' ', padding);
    }
    sink.put_all(bytes.iter().copied());
    if how.left {
        sink.repeat(b' ', padding);
    }
}

/// How digits are written.
struct Base {
    radix: u64,
    upper: bool,
}

/// `#` asks for a first digit of 0.
fn octal(sink: &mut Counted<'_>, how: &Specification, value: u64) {
    let digits = count_digits(value, 8);
    let least = if how.alternative && value != 0 { digits + 1 } else { digits };
    let precision = match how.precision {
        Some(precision) if how.alternative => Some(precision.max(least.max(1))),
        given => given,
    };
    // without a precision, `0` still pads, and the digit that `#` asks for is a prefix
    let prefix: &[u8] =
        if how.alternative && value != 0 && how.precision.is_none() { b"0" } else { b"" };
    let how = Specification { precision, ..*how };
    integer(sink, &how, prefix, value, Base { radix: 8, upper: false });
}

fn count_digits(mut value: u64, radix: u64) -> usize {
    let mut count = 0;
    while value != 0 {
        value /= radix;
        count += 1;
    }
    count
}

/// A sign or prefix, then digits, padded as flags, width and precision say.
fn integer(sink: &mut Counted<'_>, how: &Specification, prefix: &[u8], value: u64, base: Base) {
    let mut digits = [0; 22];
    let count = count_digits(value, base.radix);
    let mut rest = value;
    for place in digits[..count].iter_mut().rev() {
        let digit = (rest % base.radix).to_le_bytes()[0];
        *place = match (digit, base.upper) {
            (0..=9, _) => b'0' + digit,
            (_, true) => b'A' + (digit - 10),
            (_, false) => b'a' + (digit - 10),
        };
        rest /= base.radix;
    }
    // without a precision there is at least one digit; precision 0 and value 0 give none
    let zeros = how.precision.unwrap_or(1).saturating_sub(count);
    let written = prefix.len().saturating_add(zeros).saturating_add(count);
    let padding = how.width.saturating_sub(written);
    let pad_with_zeros = how.zero && !how.left && how.precision.is_none();
    if !how.left && !pad_with_zeros {
        sink.repeat(b' ', padding);
    }
    sink.put_all(prefix.iter().copied());
    if pad_with_zeros {
        sink.repeat(b'0', padding);
    }
    sink.repeat(b'0', zeros);
    sink.put_all(digits[..count].iter().copied());
    if how.left {
        sink.repeat(b' ', padding);
    }
}

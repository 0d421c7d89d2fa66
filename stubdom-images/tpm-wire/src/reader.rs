//! Reading big-endian numbers out of untrusted bytes.

use core::fmt;

/// Bytes do not have the form their place in the packet demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The bytes end before the value does.
    Short,
    /// Bytes are left over after the last value.
    Trailing,
    /// A value is not one that may stand here.
    Value,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the packet ends too early",
            Self::Trailing => "the packet has bytes left over",
            Self::Value => "the packet holds a value that may not stand there",
        })
    }
}

/// A cursor over bytes; every read checks that the bytes are there.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// The next 16-bit number.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// The next 32-bit number.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Bytes behind a 16-bit length (`TPM2B_*`, Part 2, 10.3).
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn sized(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u16()?;
        self.bytes(usize::from(length))
    }

    /// Everything not read yet.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed::Trailing`] when bytes are left.
    pub const fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Reader};

    #[test]
    fn numbers_are_big_endian_and_bounded() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(0x0203));
        assert_eq!(reader.u32(), Ok(0x0405_0607));
        assert_eq!(reader.u8(), Err(Malformed::Short));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn a_length_beyond_the_end_is_short() {
        assert_eq!(Reader::new(&[0, 3, 1, 2]).sized(), Err(Malformed::Short));
        assert_eq!(Reader::new(&[0]).end(), Err(Malformed::Trailing));
    }
}

//! Names of vTPMs.

use core::fmt;

/// A vTPM's uuid: 16 bytes in the order in which people write them (RFC 9562, 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_uuid_is_written_as_xl_writes_it() {
        let bytes = core::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(Uuid(bytes).to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}

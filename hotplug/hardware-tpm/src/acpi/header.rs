//! The header that all ACPI tables share (ACPI Specification 6.5, 5.2.6).

use std::fmt;

const HEADER_BYTES: usize = 36;

/// Bytes that are not the table they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// Shorter than its own length field, or than every table of this kind.
    Short {
        /// How long it is.
        bytes: usize,
        /// How long it has to be.
        needed: usize,
    },
    /// It begins with another signature.
    Signature,
    /// Its bytes do not add up to zero.
    Checksum,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { bytes, needed } => {
                write!(f, "it has {bytes} bytes and needs {needed}")
            }
            Self::Signature => f.write_str("it begins with another table's signature"),
            Self::Checksum => f.write_str("its checksum is wrong"),
        }
    }
}

impl std::error::Error for TableError {}

/// A table's bytes, read by offset. Numbers are little-endian.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(self, at: usize) -> Result<[u8; N], TableError> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk::<N>());
        bytes.copied().ok_or(TableError::Short { bytes: self.0.len(), needed: at + N })
    }

    pub(super) fn u16(self, at: usize) -> Result<u16, TableError> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(self, at: usize) -> Result<u32, TableError> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(self, at: usize) -> Result<u64, TableError> {
        self.array(at).map(u64::from_le_bytes)
    }
}

/// The fields of a whole table with this signature and at least `least` bytes.
pub(super) fn checked(
    bytes: &[u8],
    signature: [u8; 4],
    least: usize,
) -> Result<Fields<'_>, TableError> {
    let fields = Fields(bytes);
    if fields.array(0)? != signature {
        return Err(TableError::Signature);
    }
    let claimed = usize::try_from(fields.u32(4)?).unwrap_or(usize::MAX);
    let needed = claimed.max(least).max(HEADER_BYTES);
    let table = bytes.get(..claimed).filter(|table| table.len() >= needed);
    let table = table.ok_or(TableError::Short { bytes: bytes.len().min(claimed), needed })?;
    if table.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
        return Err(TableError::Checksum);
    }
    Ok(Fields(table))
}

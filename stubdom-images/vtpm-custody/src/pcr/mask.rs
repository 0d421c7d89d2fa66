//! A set of PCRs of one bank.

use core::fmt;

/// PCRs 0 to 23 as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PcrMask(u32);

impl PcrMask {
    /// How many PCRs a bank has.
    pub const PCRS: u32 = 24;
    /// Bytes of the bitmap on the wire (`TPMS_PCR_SELECTION.sizeofSelect`).
    pub(crate) const BYTES: u8 = 3;

    /// These PCRs; numbers above 23 are left out.
    #[must_use]
    pub fn of(pcrs: &[u32]) -> Self {
        let known = pcrs.iter().filter(|pcr| **pcr < Self::PCRS);
        Self(known.fold(0, |bits, pcr| bits | 1 << pcr))
    }

    /// As on the wire, PCR 0 in the lowest bit of the first byte.
    #[must_use]
    pub fn bytes(self) -> [u8; 3] {
        let [low, middle, high, _] = self.0.to_le_bytes();
        [low, middle, high]
    }

    /// From the wire.
    #[must_use]
    pub fn from_bytes([low, middle, high]: [u8; 3]) -> Self {
        Self(u32::from_le_bytes([low, middle, high, 0]))
    }

    /// In ascending order.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..Self::PCRS).filter(move |pcr| self.0 >> pcr & 1 == 1)
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in this set and not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those in either set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Numbers with commas between them.
impl fmt::Display for PcrMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pcr) in self.iter().enumerate() {
            write!(f, "{}{pcr}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

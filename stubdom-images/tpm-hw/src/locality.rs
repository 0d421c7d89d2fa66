//! Localities and where their registers are.

use core::fmt;

/// Bytes of the register page that each locality has of its own (TIS 1.3, 5.2; PTP 6.1).
pub const REGISTER_PAGE_BYTES: u64 = 0x1000;

/// From which privilege this domain speaks to the TPM: 0 to 4 (PTP 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Locality(u8);

impl Locality {
    /// The locality of ordinary system software.
    pub const ZERO: Self = Self(0);

    /// `None` when `number` is above 4.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 4 { Some(Self(number)) } else { None }
    }

    /// The number, 0 to 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Where this locality's register page is when locality 0's is at `base`.
    pub(crate) const fn page(self, base: u64) -> u64 {
        base.saturating_add(REGISTER_PAGE_BYTES * self.0 as u64)
    }
}

impl fmt::Display for Locality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

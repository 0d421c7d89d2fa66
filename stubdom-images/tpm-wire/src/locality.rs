//! Localities.

use core::fmt;

/// Where a command says it comes from: 0 to 4 (TCG PC Client Platform TPM Profile, 3.2).
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
}

impl fmt::Display for Locality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

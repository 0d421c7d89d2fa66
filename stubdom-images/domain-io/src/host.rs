//! Time and entropy.

use core::fmt;
use core::time::Duration;

/// A clock that only runs forward.
pub trait Clock {
    /// Time since a fixed moment at or before this domain's start.
    fn now(&self) -> Duration;
}

/// Letting time pass without burning the processor.
pub trait Pause {
    /// Returns after at least `time`.
    fn pause(&self, time: Duration);
}

/// No source of entropy gave anything that passed its checks. Nothing may be served then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy;

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no source of entropy passed its checks")
    }
}

/// Unpredictable bytes, good enough for keys.
pub trait Entropy {
    /// Fills the whole slice.
    ///
    /// # Errors
    /// [`NoEntropy`]; the contents of `into` are then meaningless.
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy>;
}

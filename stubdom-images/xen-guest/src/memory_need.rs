//! Whether a domain was given enough memory.

use core::fmt;

/// Less heap than is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLittleMemory {
    left: u64,
    needed: u64,
}

impl TooLittleMemory {
    /// Compares what is left for the heap with what is needed, both in bytes.
    ///
    /// # Errors
    /// [`TooLittleMemory`] when less is left than needed.
    pub const fn check(left: u64, needed: u64) -> Result<(), Self> {
        if left < needed { Err(Self { left, needed }) } else { Ok(()) }
    }
}

impl fmt::Display for TooLittleMemory {
    /// The shortage is rounded so that what is left never looks like enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "only {} KiB of memory are left for its work and {} KiB are needed; raise memory= of \
             its configuration",
            self.left / 1024,
            self.needed.div_ceil(1024)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn exactly_enough_is_enough_and_one_byte_less_names_both_sizes_and_the_remedy() {
        assert_eq!(TooLittleMemory::check(4096, 4096), Ok(()));
        let text = TooLittleMemory::check(4095, 4096).unwrap_err().to_string();
        assert_eq!(
            text,
            "only 3 KiB of memory are left for its work and 4 KiB are needed; raise memory= of its \
             configuration"
        );
    }
}

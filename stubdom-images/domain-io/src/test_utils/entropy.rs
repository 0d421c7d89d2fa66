//! Entropy that repeats itself, for tests only.

use crate::host::{Entropy, NoEntropy};

/// A reproducible byte stream (SplitMix64), the same for the same seed; can be made to fail.
#[derive(Clone, Debug)]
pub struct FakeEntropy {
    state: u64,
    /// Set to make every further request fail.
    pub broken: bool,
}

impl FakeEntropy {
    /// The stream that belongs to `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed, broken: false }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl Entropy for FakeEntropy {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        if self.broken {
            return Err(NoEntropy);
        }
        for chunk in into.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

//! Many sources, one generator.

use super::drbg::{Drbg, MOST_BYTES};
use domain_io::NoEntropy;

/// Words drawn from each hardware source for each call: 256 bits.
const WORDS: usize = 4;
/// From this many added bytes on, a source counts as one that can stand alone.
const ENOUGH_ADDED: usize = 32;

/// What the mixer draws from.
pub(crate) trait Sources {
    /// A word of a hardware source that passed its checks, `None` when none does.
    fn word(&mut self) -> Option<u64>;
    /// A counter whose low bits jitter. It counts for nothing, but costs nothing either.
    fn ticks(&mut self) -> u64;
}

pub(crate) struct Mixer<S> {
    sources: S,
    drbg: Drbg,
    added: usize,
}

impl<S: Sources> Mixer<S> {
    pub(crate) fn new(mut sources: S) -> Self {
        let start = sources.ticks().to_le_bytes();
        Self { sources, drbg: Drbg::new(&start), added: 0 }
    }

    /// Mixes in bytes of another source, which the caller vouches for.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.drbg.reseed(bytes);
        self.added = self.added.saturating_add(bytes.len());
    }

    pub(crate) fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        let hardware = self.reseed();
        if !hardware && self.added < ENOUGH_ADDED {
            return Err(NoEntropy);
        }
        for part in into.chunks_mut(MOST_BYTES) {
            self.drbg.generate(part);
        }
        Ok(())
    }

    /// Fresh words for each call; says whether all of them could be had.
    fn reseed(&mut self) -> bool {
        let mut material = [0_u8; (WORDS * 2) * 8];
        let mut good = true;
        for pair in material.chunks_exact_mut(16) {
            let (word, ticks) = pair.split_at_mut(8);
            match self.sources.word() {
                Some(random) => word.copy_from_slice(&random.to_le_bytes()),
                None => good = false,
            }
            ticks.copy_from_slice(&self.sources.ticks().to_le_bytes());
        }
        self.drbg.reseed(&material);
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words from a list, then nothing.
    struct Fixed(std::vec::Vec<u64>);

    impl Sources for Fixed {
        fn word(&mut self) -> Option<u64> {
            self.0.pop()
        }
        fn ticks(&mut self) -> u64 {
            1
        }
    }

    #[test]
    fn without_any_source_nothing_is_served() {
        assert_eq!(Mixer::new(Fixed(std::vec![])).fill(&mut [0; 8]), Err(NoEntropy));
    }

    #[test]
    fn a_source_that_dries_up_stops_the_service() {
        let mut mixer = Mixer::new(Fixed(std::vec![1, 2, 3, 4, 5]));
        assert_eq!(mixer.fill(&mut [0; 8]), Ok(()));
        assert_eq!(mixer.fill(&mut [0; 8]), Err(NoEntropy));
    }

    #[test]
    fn an_added_source_can_stand_alone_once_it_gave_enough() {
        let mut mixer = Mixer::new(Fixed(std::vec![]));
        mixer.add(&[7; 31]);
        assert_eq!(mixer.fill(&mut [0; 8]), Err(NoEntropy));
        mixer.add(&[8]);
        assert_eq!(mixer.fill(&mut [0; 8]), Ok(()));
    }

    #[test]
    fn every_byte_is_filled_also_beyond_one_call_of_the_generator() {
        let mut mixer = Mixer::new(Fixed(std::vec![9, 8, 7, 6]));
        let mut large = std::vec![0; MOST_BYTES + 100];
        mixer.fill(&mut large).unwrap();
        for part in large.chunks(100) {
            assert!(part.iter().any(|byte| *byte != 0));
        }
    }

    #[test]
    fn other_words_give_other_bytes() {
        let bytes = |words: &[u64]| {
            let mut into = [0; 32];
            Mixer::new(Fixed(words.to_vec())).fill(&mut into).unwrap();
            into
        };
        assert_ne!(bytes(&[1, 2, 3, 4]), bytes(&[1, 2, 3, 5]));
    }
}

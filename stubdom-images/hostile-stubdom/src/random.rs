//! Choices that a seed decides.

/// A stream of numbers from a seed (SplitMix64): spread well, and of no use for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number, the next one.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when that is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let [a, b, c, d, ..] = self.draw().to_le_bytes();
        u32::from_le_bytes([a, b, c, d]).checked_rem(bound).unwrap_or(0)
    }

    /// A number below `2^bits`, each length of it as likely as the others: mostly small ones.
    pub fn small(&mut self, bits: u32) -> u32 {
        let bits = self.below(bits + 1);
        self.below(1 << bits)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// One of them.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        let count = u32::try_from(among.len()).unwrap_or(u32::MAX);
        among[self.below(count) as usize]
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        let [byte, ..] = self.draw().to_le_bytes();
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.draw(), random.below(1000).into(), random.small(13).into()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        let mut random = Random::new(1);
        assert_eq!(random.below(0), 0);
        let small: [bool; 8] = core::array::from_fn(|value| {
            (0..1000).any(|_| usize::try_from(random.small(3)).is_ok_and(|drawn| drawn == value))
        });
        assert_eq!(small, [true; 8]);
        assert!((0..1000).all(|_| random.below(3) < 3));
    }
}

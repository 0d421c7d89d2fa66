//! What a vTPM leaves at the manager about its saved state.

use crate::Secret;
use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Bytes of the longest form on the wire.
const LONG: usize = 64;
/// Bytes of the shorter, older form on the wire: SHA-1 hash and key.
const SHORT: usize = 52;

/// The body of upstream's SAVEHASHKEY and LOADHASHKEY: `hash[32] | key[32]` from our vTPMs, any 52
/// to 64 bytes from others (stubdom/vtpm: `hash[20] | key[32]`, padded with zeros here).
///
/// The manager keeps it without looking inside. Secret: wiped when dropped, never printed.
#[derive(Clone)]
pub struct HashKey([u8; LONG]);

impl HashKey {
    /// From the hash of a saved slot and the key that encrypts it.
    #[must_use]
    pub fn new(hash: &[u8; 32], key: &Secret) -> Self {
        let mut bytes = [0; LONG];
        bytes[..32].copy_from_slice(hash);
        bytes[32..].copy_from_slice(key.bytes());
        Self(bytes)
    }

    /// From the body of a SAVEHASHKEY request; `None` unless it has 52 to 64 bytes.
    #[must_use]
    pub fn from_wire(body: &[u8]) -> Option<Self> {
        if !(SHORT..=LONG).contains(&body.len()) {
            return None;
        }
        let mut bytes = [0; LONG];
        bytes.get_mut(..body.len())?.copy_from_slice(body);
        Some(Self(bytes))
    }

    /// The body of a LOADHASHKEY answer: 64 bytes if any of the last 12 is not zero, else 52
    /// (stubdom/vtpmmgr/vtpm_cmd_handler.c).
    #[must_use]
    pub fn to_wire(&self) -> &[u8] {
        let long = self.0[SHORT..].iter().any(|byte| *byte != 0);
        &self.0[..if long { LONG } else { SHORT }]
    }

    /// All 64 bytes, as they are kept.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; LONG] {
        &self.0
    }

    /// The hash, in our vTPMs' form.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        core::array::from_fn(|at| self.0[at])
    }

    /// The key, in our vTPMs' form.
    #[must_use]
    pub fn key(&self) -> Secret {
        Secret::new(core::array::from_fn(|at| self.0[at + 32]))
    }
}

impl From<[u8; LONG]> for HashKey {
    fn from(bytes: [u8; LONG]) -> Self {
        Self(bytes)
    }
}

impl Drop for HashKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for HashKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for HashKey {}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_upstreams_lengths_come_back_as_they_were_sent() {
        for length in [SHORT, LONG] {
            let sent = alloc::vec![7; length];
            assert_eq!(HashKey::from_wire(&sent).unwrap().to_wire(), sent);
        }
    }

    #[test]
    fn other_lengths_are_no_hash_key() {
        for length in [0, SHORT - 1, LONG + 1] {
            assert!(HashKey::from_wire(&alloc::vec![7; length]).is_none());
        }
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let kept = HashKey::from_wire(&[7; 64]).unwrap();
        assert_eq!(alloc::format!("{kept:?}"), "HashKey(..)");
    }
}

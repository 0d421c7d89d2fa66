//! `HMAC_DRBG` with SHA-256 (NIST SP 800-90A revision 1, 10.1.2).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Most bytes of one call (SP 800-90A, table 2: 2^19 bits).
pub(crate) const MOST_BYTES: usize = 1 << 16;

pub(crate) struct Drbg {
    key: [u8; 32],
    value: [u8; 32],
}

impl Drbg {
    /// Instantiates from seed material: entropy, nonce and whatever makes this instance its own.
    pub(crate) fn new(seed: &[u8]) -> Self {
        let mut drbg = Self { key: [0; 32], value: [1; 32] };
        drbg.reseed(seed);
        drbg
    }

    /// Mixes material in. Material of an attacker cannot make the state known.
    pub(crate) fn reseed(&mut self, material: &[u8]) {
        self.update(0, material);
        if !material.is_empty() {
            self.update(1, material);
        }
    }

    /// Fills up to [`MOST_BYTES`]; then makes earlier output unrecoverable from the state.
    pub(crate) fn generate(&mut self, into: &mut [u8]) {
        debug_assert!(into.len() <= MOST_BYTES);
        for block in into.chunks_mut(32) {
            self.value = mac(&self.key, &[&self.value]);
            block.copy_from_slice(&self.value[..block.len()]);
        }
        self.reseed(&[]);
    }

    fn update(&mut self, separator: u8, material: &[u8]) {
        self.key = mac(&self.key, &[&self.value, &[separator], material]);
        self.value = mac(&self.key, &[&self.value]);
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: String = hex.split_whitespace().collect();
        (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap())
            .collect()
    }

    /// RFC 6979 derives nonces with this generator: A.2.5, P-256 with SHA-256. Seed material is the
    /// private key, then the hash of the message.
    #[test]
    fn nonces_of_rfc_6979_come_out() {
        let key = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
        let sample = "AF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF";
        let mut drbg = Drbg::new(&bytes(&[key, sample].concat()));
        let mut nonce = [0; 32];
        drbg.generate(&mut nonce);
        let expected = "A6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60";
        assert_eq!(nonce.to_vec(), bytes(expected));
    }

    #[test]
    fn other_material_gives_other_bytes() {
        let (mut one, mut two) = (Drbg::new(b"seed"), Drbg::new(b"seed"));
        two.reseed(b"x");
        let (mut a, mut b) = ([0; 50], [0; 50]);
        one.generate(&mut a);
        two.generate(&mut b);
        assert_ne!(a, b);
        one.generate(&mut b);
        assert_ne!(a, b);
    }
}

//! AES-128 in CFB mode with whole blocks as feedback (SP 800-38A, 6.3), the cipher of TPM 2.0's
//! parameter encryption.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

const BLOCK_BYTES: usize = 16;

/// Key and first feedback block, as `KDFa` yields them in one piece (Part 1, 21.3).
fn split(key_and_iv: &[u8; 32]) -> (Aes128, [u8; BLOCK_BYTES]) {
    let (mut key, mut iv) = ([0; BLOCK_BYTES], [0; BLOCK_BYTES]);
    key.copy_from_slice(&key_and_iv[..BLOCK_BYTES]);
    iv.copy_from_slice(&key_and_iv[BLOCK_BYTES..]);
    (Aes128::new(&Array(key)), iv)
}

fn mask(cipher: &Aes128, feedback: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
    let mut block = Array(feedback);
    cipher.encrypt_block(&mut block);
    block.0
}

/// The next feedback: a block of ciphertext. A shorter one is the last and feeds nothing.
fn next(ciphertext: &[u8]) -> [u8; BLOCK_BYTES] {
    ciphertext.try_into().unwrap_or([0; BLOCK_BYTES])
}

/// Encrypts in place.
pub(crate) fn encrypt(key_and_iv: &[u8; 32], text: &mut [u8]) {
    let (cipher, mut feedback) = split(key_and_iv);
    for chunk in text.chunks_mut(BLOCK_BYTES) {
        let mask = mask(&cipher, feedback);
        chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        feedback = next(chunk);
    }
}

/// Decrypts in place.
pub(crate) fn decrypt(key_and_iv: &[u8; 32], text: &mut [u8]) {
    let (cipher, mut feedback) = split(key_and_iv);
    for chunk in text.chunks_mut(BLOCK_BYTES) {
        let mask = mask(&cipher, feedback);
        feedback = next(chunk);
        chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}

#[cfg(test)]
mod tests {
    use super::{decrypt, encrypt};
    use alloc::vec::Vec;

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2);
        pairs.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// SP 800-38A, F.3.13 (CFB128-AES128).
    #[test]
    fn the_standards_own_example_comes_out() {
        let key = "2b7e151628aed2a6abf7158809cf4f3c000102030405060708090a0b0c0d0e0f";
        let key: [u8; 32] = bytes(key).try_into().unwrap();
        let plain = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let mut text = plain.clone();
        encrypt(&key, &mut text);
        let expected = "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b";
        assert_eq!(text, bytes(expected));
        decrypt(&key, &mut text);
        assert_eq!(text, plain);
    }

    #[test]
    fn a_last_block_may_be_short() {
        let mut text = [7; 35];
        encrypt(&[1; 32], &mut text);
        assert_ne!(text[32..], [7; 3]);
        decrypt(&[1; 32], &mut text);
        assert_eq!(text, [7; 35]);
    }
}

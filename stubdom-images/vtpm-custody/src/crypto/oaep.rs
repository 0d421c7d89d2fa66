//! OAEP padding (RFC 8017, 7.1.1), the encoding half only: this side never decrypts.

use super::hash::{sha1, sha256};
use alloc::vec;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// The digest under a padding.
pub(crate) trait Digest {
    /// Its length.
    const BYTES: usize;
    /// Over the parts.
    fn digest(parts: &[&[u8]]) -> Vec<u8>;
}

/// SHA-1, as TPM 1.2 pads.
pub(crate) struct Digest160;
/// SHA-256, the name algorithm of our TPM 2.0 keys.
pub(crate) struct Digest256;

impl Digest for Digest160 {
    const BYTES: usize = 20;
    fn digest(parts: &[&[u8]]) -> Vec<u8> {
        sha1(parts).to_vec()
    }
}

impl Digest for Digest256 {
    const BYTES: usize = 32;
    fn digest(parts: &[&[u8]]) -> Vec<u8> {
        sha256(parts).to_vec()
    }
}

/// XORs the mask that `seed` generates (MGF1) into `text`.
fn mask<D: Digest>(seed: &[u8], text: &mut [u8]) {
    for (counter, chunk) in (0_u32..).zip(text.chunks_mut(D::BYTES)) {
        let mask = D::digest(&[seed, &counter.to_be_bytes()]);
        chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// The padded message of `length` bytes; `None` when the message is too long for that. `seed` is
/// random and as long as the digest.
pub(crate) fn pad<D: Digest>(
    message: &[u8],
    label: &[u8],
    seed: &[u8],
    length: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let block = length.checked_sub(1 + D::BYTES)?;
    let zeros = block.checked_sub(D::BYTES + 1 + message.len())?;
    let mut data = Zeroizing::new(D::digest(&[label]));
    data.extend(vec![0; zeros]);
    data.push(1);
    data.extend_from_slice(message);
    mask::<D>(seed, &mut data);
    let mut masked_seed = seed.to_vec();
    mask::<D>(&data, &mut masked_seed);
    let mut padded = Zeroizing::new(vec![0]);
    padded.extend_from_slice(&masked_seed);
    padded.extend_from_slice(&data);
    Some(padded)
}

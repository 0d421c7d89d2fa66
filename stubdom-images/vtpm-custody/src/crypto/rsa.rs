//! Encryption to an RSA-2048 public key.

use super::oaep::{Digest, pad};
use alloc::vec;
use alloc::vec::Vec;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use domain_io::{Entropy, NoEntropy};

/// Bytes of a modulus, and of what is encrypted under it.
pub(crate) const MODULUS_BYTES: usize = 256;

/// The public exponent of every key that TPMs make by default (Part 2, 12.2.3.5; 1.2 Part 2, 5.1).
const EXPONENT: U2048 = U2048::from_u32(65537);

/// `message` under RSAES-OAEP (RFC 8017, 7.1); `None` when the modulus is not a 2048-bit odd
/// number or the message is too long.
///
/// # Errors
/// [`NoEntropy`].
pub(crate) fn encrypt_oaep<D: Digest>(
    modulus: &[u8],
    message: &[u8],
    label: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Option<Vec<u8>>, NoEntropy> {
    let mut seed = vec![0; D::BYTES];
    entropy.fill(&mut seed)?;
    Ok(raw::<D>(modulus, message, label, &seed))
}

fn raw<D: Digest>(modulus: &[u8], message: &[u8], label: &[u8], seed: &[u8]) -> Option<Vec<u8>> {
    let high = *modulus.first()?;
    if modulus.len() != MODULUS_BYTES || high < 0x80 {
        return None;
    }
    let odd = Option::<Odd<U2048>>::from(U2048::from_be_slice(modulus).to_odd())?;
    let padded = pad::<D>(message, label, seed, MODULUS_BYTES)?;
    let base = U2048::from_be_slice(&padded);
    let parameters = FixedMontyParams::new(odd);
    let power = FixedMontyForm::new(&base, &parameters).pow_bounded_exp(&EXPONENT, 17);
    Some(power.retrieve().to_be_bytes().as_ref().to_vec())
}

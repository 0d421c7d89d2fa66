//! Encryption of 32 bytes under a key that is used for this one text only, as the stores do it:
//! AES-256-GCM-SIV (RFC 8452), nonce zero, key from HKDF-SHA256 (RFC 5869) and a fresh salt.

use aes_gcm_siv::aead::AeadInOut;
use aes_gcm_siv::{Aes256GcmSiv, Key, KeyInit, Nonce, Tag};
use domain_io::{Entropy, NoEntropy};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

pub(crate) const SALT_BYTES: usize = 32;
pub(crate) const TAG_BYTES: usize = 16;

/// An encrypted secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapped {
    pub(crate) salt: [u8; SALT_BYTES],
    pub(crate) tag: [u8; TAG_BYTES],
    pub(crate) text: [u8; 32],
}

/// HKDF-SHA256 to one key.
pub(crate) fn derive(salt: Option<&[u8]>, material: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(salt, material)
        .expand(info, key.as_mut())
        .expect("32 bytes are within HKDF's limit of 255 digests");
    key
}

fn cipher(material: &[u8], salt: &[u8], purpose: &[u8]) -> Aes256GcmSiv {
    Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(*derive(Some(salt), material, purpose)))
}

/// Encrypts `secret` under `material`.
///
/// # Errors
/// [`NoEntropy`].
pub(crate) fn wrap(
    material: &[u8],
    purpose: &[u8],
    secret: &[u8; 32],
    entropy: &mut dyn Entropy,
) -> Result<Wrapped, NoEntropy> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt)?;
    let mut text = *secret;
    let tag = cipher(material, &salt, purpose)
        .encrypt_inout_detached(&Nonce::default(), purpose, text.as_mut_slice().into())
        .expect("32 bytes are within GCM-SIV's limits");
    Ok(Wrapped { salt, tag: tag.into(), text })
}

/// `None` when `material` is not the one it was wrapped under, or a byte was changed.
pub(crate) fn unwrap(
    material: &[u8],
    purpose: &[u8],
    wrapped: &Wrapped,
) -> Option<Zeroizing<[u8; 32]>> {
    let mut text = Zeroizing::new(wrapped.text);
    cipher(material, &wrapped.salt, purpose)
        .decrypt_inout_detached(
            &Nonce::default(),
            purpose,
            text.as_mut_slice().into(),
            &Tag::from(wrapped.tag),
        )
        .ok()?;
    Some(text)
}

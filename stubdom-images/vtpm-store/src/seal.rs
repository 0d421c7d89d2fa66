//! Encryption of one piece of a disk.
//!
//! AES-256-GCM-SIV (RFC 8452) with the nonce zero under a key that encrypts one text only:
//! HKDF-SHA256 (RFC 5869) of a secret with a fresh random 32-byte salt. The salt stands beside the
//! text. A power cut, a repeated save or a backup that was put back draws a new salt, so there is no
//! counter that could repeat.

use crate::Secret;
use aes_gcm_siv::aead::AeadInOut;
use aes_gcm_siv::{Aes256GcmSiv, Key, KeyInit, Nonce, Tag};
use domain_io::{Entropy, NoEntropy};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 32;
/// Bytes of an authentication tag.
pub const TAG_BYTES: usize = 16;

/// What stands beside an encrypted text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// Fresh for this text.
    pub salt: [u8; SALT_BYTES],
    /// Authenticates text and claims.
    pub tag: [u8; TAG_BYTES],
}

/// The text, the place it claims or the secret is not the one it was encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAuthentic;

/// Encrypts in place. `purpose` separates the uses of one secret; `claims` are the readable facts
/// that must be the same when it is opened. The salt is drawn here and nowhere else.
///
/// # Errors
/// [`NoEntropy`]; the text is then unchanged.
///
/// # Panics
/// With a text of more than 64 GiB, the limit of GCM-SIV.
pub fn seal(
    secret: &Secret,
    purpose: &[u8],
    entropy: &mut dyn Entropy,
    claims: &[u8],
    text: &mut [u8],
) -> Result<Wrap, NoEntropy> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt)?;
    let cipher = cipher(secret, purpose, &salt);
    let tag = cipher
        .encrypt_inout_detached(&Nonce::default(), claims, text.into())
        .expect("a text of a few hundred kilobytes is within GCM-SIV's limits");
    Ok(Wrap { salt, tag: tag.into() })
}

/// Decrypts in place; on failure `text` holds nothing of use.
///
/// # Errors
/// [`NotAuthentic`].
pub fn open(
    secret: &Secret,
    purpose: &[u8],
    wrap: &Wrap,
    claims: &[u8],
    text: &mut [u8],
) -> Result<(), NotAuthentic> {
    cipher(secret, purpose, &wrap.salt)
        .decrypt_inout_detached(&Nonce::default(), claims, text.into(), &Tag::from(wrap.tag))
        .map_err(|_| NotAuthentic)
}

fn cipher(secret: &Secret, purpose: &[u8], salt: &[u8; SALT_BYTES]) -> Aes256GcmSiv {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret.bytes())
        .expand(purpose, key.as_mut())
        .expect("32 bytes are within HKDF's limit of 255 digests");
    Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(*key))
}

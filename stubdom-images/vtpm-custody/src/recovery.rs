//! The recovery key: a second way to the secret, for a TPM that is dead, cleared, or sees a boot
//! that its policy does not accept.

mod key;

pub use key::RecoveryKey;

use crate::crypto::{unwrap, wrap};
use crate::error::CustodyError;
use crate::sealed::{decode, encode, verify};
use domain_io::Entropy;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// Separates this encryption from all others.
const PURPOSE: &[u8] = b"xen-vtpmmgr recovery 1";

/// Draws a new recovery key and wraps the secret under it. The key is returned this once and kept
/// nowhere; an earlier one opens only copies of what was written before.
///
/// # Errors
/// [`CustodyError::Damaged`] when `secret` is not what `sealed` keeps, [`CustodyError::NoEntropy`];
/// [`CustodyError::Administered`], since whoever has a recovery key can pass the administrator over.
pub fn set_recovery_key(
    sealed: &SealedSecret,
    secret: &Secret,
    entropy: &mut dyn Entropy,
) -> Result<(SealedSecret, RecoveryKey), CustodyError> {
    verify(sealed, secret)?;
    let mut content = decode(sealed)?;
    if content.body.administrator().is_some() {
        return Err(CustodyError::Administered);
    }
    let key = RecoveryKey::random(entropy)?;
    content.lasting.recovery = Some(wrap(key.bytes(), PURPOSE, secret.bytes(), entropy)?);
    Ok((encode(&content, secret)?, key))
}

/// The secret by way of the recovery key; needs no TPM. Damage to other parts of the blob is passed
/// over, since this is the last resort and the wrapped secret is authenticated by itself.
///
/// # Errors
/// [`CustodyError::NoRecoveryKey`], [`CustodyError::WrongRecoveryKey`], or that the blob is
/// unreadable.
pub fn recover(sealed: &SealedSecret, key: &RecoveryKey) -> Result<Secret, CustodyError> {
    let wrapped = decode(sealed)?.lasting.recovery.ok_or(CustodyError::NoRecoveryKey)?;
    let secret = unwrap(key.bytes(), PURPOSE, &wrapped).ok_or(CustodyError::WrongRecoveryKey)?;
    Ok(Secret::new(*secret))
}

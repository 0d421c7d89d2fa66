//! Running without a hardware TPM (`hwtpm=none`).

use crate::custody::checked;
use crate::error::CustodyError;
use crate::sealed::{Body, Content, Kind, Lasting, decode, encode, verify};
use domain_io::Entropy;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// Said on each start without a hardware TPM.
const LOSS: &str = "hwtpm=none: the store's secret is in clear on its disk; whoever reads the disk \
                    reads every vTPM, a moved or copied disk is not noticed, and neither is another \
                    boot chain";

/// A fresh secret, kept in clear.
///
/// # Errors
/// [`CustodyError::NoEntropy`].
pub fn first_start_without_tpm(
    entropy: &mut dyn Entropy,
) -> Result<(Secret, SealedSecret), CustodyError> {
    log::warn!("{LOSS}");
    let secret = Secret::random(entropy)?;
    let body = Body::Clear(secret.clone());
    let sealed = encode(&Content { forced: false, lasting: Lasting::default(), body }, &secret)?;
    Ok((secret, sealed))
}

/// A secret that the recovery key opened, kept in clear from now on. The recovery key stays as it
/// is; a counter stays behind with its TPM, an administrator's key with the machine it judged.
///
/// # Errors
/// [`CustodyError`] as for damage and unknown versions.
pub fn begin_anew_without_tpm(
    sealed: &SealedSecret,
    secret: &Secret,
) -> Result<SealedSecret, CustodyError> {
    log::warn!("{LOSS}");
    let body = Body::Clear(secret.clone());
    let lasting = checked(sealed, secret)?.lasting.on(&body);
    encode(&Content { forced: false, lasting, body }, secret)
}

/// The secret that is kept in clear.
///
/// # Errors
/// [`CustodyError::OtherKind`] when it is sealed to a TPM, or damage.
pub fn open_without_tpm(sealed: &SealedSecret) -> Result<Secret, CustodyError> {
    let content = decode(sealed)?;
    content.kind().expect(Kind::Clear)?;
    let Body::Clear(secret) = content.body else { return Err(CustodyError::Damaged) };
    verify(sealed, &secret)?;
    log::warn!("{LOSS}");
    Ok(secret)
}

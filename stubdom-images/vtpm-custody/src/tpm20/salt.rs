//! The salt of a session: a secret that only the key it is encrypted to can read (Part 1, 19.6.13).

use super::public::PublicKey;
use crate::bytes::Bytes;
use crate::crypto::{Digest256, POINT_BYTES, encrypt_oaep, exchange, kdf_e};
use crate::error::CustodyError;
use crate::link::Link;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Label of the derivation and of the padding.
const LABEL: &str = "SECRET";

/// A salt and its encrypted form (`TPM2B_ENCRYPTED_SECRET` without the length).
pub(super) struct Salt {
    pub(super) value: Zeroizing<[u8; 32]>,
    pub(super) encrypted: Vec<u8>,
}

/// A fresh salt for `key`.
pub(super) fn salt(link: &mut Link<'_, '_>, key: &PublicKey) -> Result<Salt, CustodyError> {
    let salt = match key {
        PublicKey::Ecc { x, y } => to_ecc(link, x, y)?,
        PublicKey::Rsa { modulus } => to_rsa(link, modulus)?,
    };
    // The TPM named a key that is none: no point of the curve, an even modulus.
    salt.ok_or(CustodyError::Malformed { step: "TPM2_CreatePrimary" })
}

fn to_ecc(
    link: &mut Link<'_, '_>,
    x: &[u8; POINT_BYTES],
    y: &[u8; POINT_BYTES],
) -> Result<Option<Salt>, CustodyError> {
    let Some(own) = exchange((x, y), link.entropy())? else { return Ok(None) };
    let value = kdf_e(own.shared.as_ref(), LABEL, &own.x, x);
    let encrypted = Bytes::new().sized(&own.x).sized(&own.y).finish().to_vec();
    Ok(Some(Salt { value, encrypted }))
}

fn to_rsa(link: &mut Link<'_, '_>, modulus: &[u8]) -> Result<Option<Salt>, CustodyError> {
    let value = Zeroizing::new(link.random::<32>()?);
    let label = b"SECRET\0";
    let encrypted = encrypt_oaep::<Digest256>(modulus, value.as_ref(), label, link.entropy())?;
    Ok(encrypted.map(|encrypted| Salt { value, encrypted }))
}

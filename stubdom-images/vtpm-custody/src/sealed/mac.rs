//! The authentication of the whole blob under the secret that it keeps.

use crate::crypto::{derive, hmac_sha256, same};
use crate::error::CustodyError;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// Its length, at the blob's end.
pub(super) const BYTES: usize = 32;

/// Separates this use of the secret from all others.
const PURPOSE: &[u8] = b"xen-vtpmmgr sealed 1 mac";

/// Over the kind and all bytes in front of it.
pub(super) fn of(kind: u32, bytes: &[u8], secret: &Secret) -> [u8; BYTES] {
    let key = derive(None, secret.bytes(), PURPOSE);
    hmac_sha256(key.as_ref(), &[&kind.to_le_bytes(), bytes])
}

/// Whether every byte is the one that was written together with this secret.
///
/// # Errors
/// [`CustodyError::Damaged`].
pub(crate) fn verify(sealed: &SealedSecret, secret: &Secret) -> Result<(), CustodyError> {
    let (bytes, mac) = sealed.blob.split_last_chunk::<BYTES>().ok_or(CustodyError::Damaged)?;
    let good = same(mac, &of(sealed.kind, bytes, secret));
    if good { Ok(()) } else { Err(CustodyError::Damaged) }
}

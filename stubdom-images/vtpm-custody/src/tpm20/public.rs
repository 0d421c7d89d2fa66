//! Public areas (Part 2, 12.2.4 `TPMT_PUBLIC`).

use crate::crypto::sha256;
use crate::sealed::Name;
use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;
use tpm_wire::{Malformed, Reader};

pub(super) const RSA: u16 = 0x0001;
pub(super) const ECC: u16 = 0x0023;
pub(super) const NULL_ALGORITHM: u16 = 0x0010;
pub(super) const P256: u16 = 0x0003;

/// Object attributes (Part 2, 8.3).
pub(super) mod attribute {
    pub(crate) const FIXED_TPM: u32 = 1 << 1;
    pub(crate) const FIXED_PARENT: u32 = 1 << 4;
    pub(crate) const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
    pub(crate) const USER_WITH_AUTH: u32 = 1 << 6;
    pub(crate) const ADMIN_WITH_POLICY: u32 = 1 << 7;
    pub(crate) const NO_DA: u32 = 1 << 10;
    pub(crate) const RESTRICTED: u32 = 1 << 16;
    pub(crate) const DECRYPT: u32 = 1 << 17;
    pub(crate) const SIGN: u32 = 1 << 18;
}

/// What a storage key must be: made in this TPM, bound to it, and for wrapping keys only.
const STORAGE: u32 = attribute::FIXED_TPM
    | attribute::FIXED_PARENT
    | attribute::SENSITIVE_DATA_ORIGIN
    | attribute::RESTRICTED
    | attribute::DECRYPT;

/// A key's public half.
pub(super) enum PublicKey {
    Ecc { x: [u8; 32], y: [u8; 32] },
    Rsa { modulus: Vec<u8> },
}

/// The Name of an object with name algorithm SHA-256.
pub(super) fn name_of(public: &[u8]) -> Name {
    let mut name = [0; 34];
    name[..2].copy_from_slice(&HashAlgorithm::SHA256.0.to_be_bytes());
    name[2..].copy_from_slice(&sha256(&[public]));
    name
}

/// The public half of a storage key that a session can be salted to: SHA-256 names, and P-256 or
/// RSA-2048 with the usual exponent.
pub(super) fn storage_key(public: &[u8]) -> Result<PublicKey, Malformed> {
    let mut reader = Reader::new(public);
    let (kind, names) = (reader.u16()?, reader.u16()?);
    let attributes = reader.u32()?;
    let _policy = reader.sized()?;
    if names != HashAlgorithm::SHA256.0 || attributes & STORAGE != STORAGE {
        return Err(Malformed::Value);
    }
    let symmetric: [u8; 6] = reader.array()?;
    let scheme = reader.u16()?;
    if symmetric[..2] == NULL_ALGORITHM.to_be_bytes() || scheme != NULL_ALGORITHM {
        return Err(Malformed::Value);
    }
    let key = match kind {
        ECC => ecc(&mut reader)?,
        RSA => rsa(&mut reader)?,
        _ => return Err(Malformed::Value),
    };
    reader.end()?;
    Ok(key)
}

fn ecc(reader: &mut Reader<'_>) -> Result<PublicKey, Malformed> {
    let (curve, kdf) = (reader.u16()?, reader.u16()?);
    if curve != P256 || kdf != NULL_ALGORITHM {
        return Err(Malformed::Value);
    }
    Ok(PublicKey::Ecc { x: coordinate(reader.sized()?)?, y: coordinate(reader.sized()?)? })
}

/// A TPM may leave leading zeros out.
fn coordinate(bytes: &[u8]) -> Result<[u8; 32], Malformed> {
    let mut whole = [0; 32];
    let start = whole.len().checked_sub(bytes.len()).ok_or(Malformed::Value)?;
    whole[start..].copy_from_slice(bytes);
    Ok(whole)
}

fn rsa(reader: &mut Reader<'_>) -> Result<PublicKey, Malformed> {
    let (bits, exponent) = (reader.u16()?, reader.u32()?);
    if bits != 2048 || ![0, 65537].contains(&exponent) {
        return Err(Malformed::Value);
    }
    Ok(PublicKey::Rsa { modulus: reader.sized()?.to_vec() })
}

//! The public areas that our keys and objects are made from. All of them are exempt from
//! dictionary attack protection, since none has an authorisation that could be guessed.

use super::public::attribute::{
    ADMIN_WITH_POLICY, DECRYPT, FIXED_PARENT, FIXED_TPM, NO_DA, RESTRICTED, SENSITIVE_DATA_ORIGIN,
    SIGN, USER_WITH_AUTH,
};
use super::public::{ECC, NULL_ALGORITHM, P256, RSA};
use crate::bytes::Bytes;
use crate::policy::AdministratorKey;
use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;

const KEYED_HASH: u16 = 0x0008;
pub(super) const AES: u16 = 0x0006;
pub(super) const CFB: u16 = 0x0043;
pub(super) const ECDSA: u16 = 0x0018;

/// Primary and storage key: wrap keys, with empty authorisation.
const STORAGE: u32 = FIXED_TPM
    | FIXED_PARENT
    | SENSITIVE_DATA_ORIGIN
    | USER_WITH_AUTH
    | NO_DA
    | RESTRICTED
    | DECRYPT;

/// The kind of a storage key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Ecc,
    Rsa,
}

fn start(kind: u16, attributes: u32, policy: &[u8]) -> Bytes {
    Bytes::new().u16(kind).u16(HashAlgorithm::SHA256.0).u32(attributes).sized(policy)
}

/// A storage key: AES-128 in CFB mode for what it wraps; `unique` is empty.
pub(super) fn storage(kind: KeyKind) -> Vec<u8> {
    let wraps_with = |bytes: Bytes| bytes.u16(AES).u16(128).u16(CFB).u16(NULL_ALGORITHM);
    let template = match kind {
        KeyKind::Ecc => {
            wraps_with(start(ECC, STORAGE, &[])).u16(P256).u16(NULL_ALGORITHM).u16(0).u16(0)
        }
        KeyKind::Rsa => wraps_with(start(RSA, STORAGE, &[])).u16(2048).u32(0).u16(0),
    };
    template.finish().to_vec()
}

/// Sealed data that only `policy` releases.
pub(super) fn sealed_data(policy: &[u8; 32]) -> Vec<u8> {
    let attributes = FIXED_TPM | FIXED_PARENT | ADMIN_WITH_POLICY | NO_DA;
    let template = start(KEYED_HASH, attributes, policy).u16(NULL_ALGORITHM).u16(0);
    template.finish().to_vec()
}

/// Whether an object with this public area (`TPMT_PUBLIC`) is one that a manager makes or loads: a
/// storage key, sealed data, or an administrator's key, each of exactly the form above. A storage
/// key of somebody else with the same template, which is the one that the TCG gives storage
/// primaries, looks the same.
#[must_use]
pub fn is_ours(public: &[u8]) -> bool {
    let until_unique = |kind, unique: usize| {
        let mut template = storage(kind);
        template.truncate(template.len().saturating_sub(unique));
        template
    };
    // What differs from one to the next comes last: a point, a modulus; the policy; the key.
    let key = administrator(&AdministratorKey { x: [0; 32], y: [0; 32] });
    let forms = [
        until_unique(KeyKind::Ecc, 4),
        until_unique(KeyKind::Rsa, 2),
        sealed_data(&[0; 32]).get(..10).unwrap_or_default().to_vec(),
        key.get(..key.len().saturating_sub(68)).unwrap_or_default().to_vec(),
    ];
    forms.iter().any(|form| public.starts_with(form))
}

/// The administrator's key, as the TPM is told of it to check a signature.
pub(super) fn administrator(key: &AdministratorKey) -> Vec<u8> {
    start(ECC, USER_WITH_AUTH | SIGN, &[])
        .u16(NULL_ALGORITHM)
        .u16(ECDSA)
        .u16(HashAlgorithm::SHA256.0)
        .u16(P256)
        .u16(NULL_ALGORITHM)
        .sized(&key.x)
        .sized(&key.y)
        .finish()
        .to_vec()
}

//! The few primitives that sessions and seals are made of.

mod cfb;
mod ecc;
mod hash;
mod kdf;
mod oaep;
mod rsa;
mod wrap;

pub(crate) use cfb::{decrypt, encrypt};
pub(crate) use ecc::{POINT_BYTES, exchange};
pub(crate) use hash::{hmac_sha1, hmac_sha256, of_bank, same, sha1, sha256};
pub(crate) use kdf::{kdf_a, kdf_e};
pub(crate) use oaep::{Digest160, Digest256};
pub(crate) use rsa::encrypt_oaep;
pub(crate) use wrap::{Wrapped, derive, unwrap, wrap};

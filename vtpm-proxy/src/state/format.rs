//! The file `state` of a proxy's directory (docs/formats/proxy-state.md).

use domain_io::{Entropy, NoEntropy};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use vtpm_engine::{TpmState, TpmVersion};
use vtpm_store::Secret;
use vtpm_store::seal::{self, SALT_BYTES, TAG_BYTES, Wrap};
use zeroize::Zeroizing;

const MAGIC: [u8; 8] = *b"vTPMprox";
/// The format that this program writes, and the highest it reads.
const FORMAT: u16 = 1;
const PURPOSE: &[u8] = b"vtpm-proxy state";
const KEY_CHECK: &[u8] = b"vtpm-proxy key check";
const KEY_CHECK_BYTES: usize = 16;
/// What is readable and authenticated: everything in front of salt and tag.
const CLAIMS_BYTES: usize = 40;
const HEADER_BYTES: usize = CLAIMS_BYTES + SALT_BYTES + TAG_BYTES;

/// Why a file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It does not begin as such a file does.
    NotOurs,
    /// A later program wrote it.
    Newer(u16),
    /// It was encrypted under another key.
    OtherKey,
    /// It belongs to the other TPM version.
    OtherTpm(TpmVersion),
    /// Something in it was changed or is missing.
    Damaged,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("it is not a state of vtpm-proxy"),
            Self::Newer(format) => {
                write!(f, "it has format {format}, and this program knows up to {FORMAT}")
            }
            Self::OtherKey => f.write_str("it was encrypted under another key"),
            Self::OtherTpm(version) => write!(f, "it belongs to a TPM {version}"),
            Self::Damaged => f.write_str("it is damaged"),
        }
    }
}

impl std::error::Error for Damage {}

/// A state and its number: each save has the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) generation: u64,
    pub(crate) state: TpmState,
}

/// Encrypts a state for version `version` under `key`.
pub(crate) fn encode(
    key: &Secret,
    version: TpmVersion,
    saved: &Saved,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, NoEntropy> {
    let mut text = text(&saved.state);
    let mut bytes = claims(key, version, saved.generation);
    let wrap = seal::seal(key, PURPOSE, entropy, &bytes, &mut text)?;
    bytes.extend(wrap.salt);
    bytes.extend(wrap.tag);
    bytes.extend(text.as_slice());
    Ok(bytes)
}

fn claims(key: &Secret, version: TpmVersion, generation: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT.to_be_bytes());
    bytes.extend(number(version).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(key_check(key));
    bytes.extend(generation.to_be_bytes());
    bytes
}

/// Tells two keys apart without telling anything else of them.
fn key_check(key: &Secret) -> [u8; KEY_CHECK_BYTES] {
    let mut check = [0; KEY_CHECK_BYTES];
    Hkdf::<Sha256>::new(None, key.bytes())
        .expand(KEY_CHECK, &mut check)
        .expect("16 bytes are within HKDF's limit of 255 digests");
    check
}

const fn number(version: TpmVersion) -> u16 {
    match version {
        TpmVersion::Tpm12 => 0x0102,
        TpmVersion::Tpm20 => 0x0200,
    }
}

/// Length of the first part (4), the first part, and the second where there is one, after a 1.
fn text(state: &TpmState) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(state.permanent.len()).unwrap_or(u32::MAX);
    let mut text = Zeroizing::new(length.to_be_bytes().to_vec());
    text.extend(&state.permanent);
    if let Some(saved) = &state.saved {
        text.push(1);
        text.extend(saved);
    }
    text
}

/// Reads a file's bytes.
///
/// # Errors
/// [`Damage`].
pub(crate) fn decode(key: &Secret, version: TpmVersion, bytes: &[u8]) -> Result<Saved, Damage> {
    if !bytes.starts_with(&MAGIC) {
        return Err(Damage::NotOurs);
    }
    let (header, text) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(Damage::Damaged)?;
    let (claims, wrap) = header.split_at(CLAIMS_BYTES);
    let format = u16::from_be_bytes([claims[8], claims[9]]);
    if format > FORMAT {
        return Err(Damage::Newer(format));
    }
    if claims[16..32] != key_check(key) {
        return Err(Damage::OtherKey);
    }
    let (salt, tag) = wrap.split_at(SALT_BYTES);
    let wrap = Wrap {
        salt: salt.try_into().map_err(|_| Damage::Damaged)?,
        tag: tag.try_into().map_err(|_| Damage::Damaged)?,
    };
    let mut text = Zeroizing::new(text.to_vec());
    seal::open(key, PURPOSE, &wrap, claims, &mut text).map_err(|_| Damage::Damaged)?;
    check_version(u16::from_be_bytes([claims[10], claims[11]]), version)?;
    let generation = claims[32..].try_into().map_err(|_| Damage::Damaged)?;
    let state = state(&text).ok_or(Damage::Damaged)?;
    Ok(Saved { generation: u64::from_be_bytes(generation), state })
}

fn check_version(found: u16, expected: TpmVersion) -> Result<(), Damage> {
    let both = [TpmVersion::Tpm12, TpmVersion::Tpm20];
    match both.into_iter().find(|version| number(*version) == found) {
        Some(version) if version == expected => Ok(()),
        Some(version) => Err(Damage::OtherTpm(version)),
        None => Err(Damage::Damaged),
    }
}

fn state(text: &[u8]) -> Option<TpmState> {
    let (length, rest) = text.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (permanent, rest) = rest.split_at_checked(length)?;
    let saved = match rest.split_first() {
        None => None,
        Some((1, saved)) => Some(saved.to_vec()),
        Some(_) => return None,
    };
    Some(TpmState { permanent: permanent.to_vec(), saved })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::SystemEntropy;

    const V2: TpmVersion = TpmVersion::Tpm20;

    fn key() -> Secret {
        Secret::new([7; 32])
    }

    fn sample(saved: Option<&[u8]>) -> Saved {
        let state = TpmState { permanent: b"permanent".to_vec(), saved: saved.map(<[u8]>::to_vec) };
        Saved { generation: 3, state }
    }

    fn encoded(saved: &Saved) -> Vec<u8> {
        encode(&key(), V2, saved, &mut SystemEntropy).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_shows_nothing() {
        for part in [None, Some(&b"saved"[..]), Some(b"")] {
            let bytes = encoded(&sample(part));
            assert_eq!(decode(&key(), V2, &bytes), Ok(sample(part)));
            assert!(!bytes.windows(9).any(|window| window == b"permanent"));
        }
    }

    #[test]
    fn no_two_files_are_encrypted_alike() {
        let (one, two) = (encoded(&sample(None)), encoded(&sample(None)));
        assert_ne!(one[CLAIMS_BYTES..], two[CLAIMS_BYTES..]);
    }

    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let bytes = encoded(&sample(Some(b"saved")));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(decode(&key(), V2, &changed).is_err(), "byte {at}");
            assert!(decode(&key(), V2, &bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn another_key_another_tpm_and_a_later_format_are_named() {
        let bytes = encoded(&sample(None));
        assert_eq!(decode(&Secret::new([8; 32]), V2, &bytes), Err(Damage::OtherKey));
        let other = decode(&key(), TpmVersion::Tpm12, &bytes);
        assert_eq!(other, Err(Damage::OtherTpm(V2)));
        let mut newer = bytes;
        newer[9] = 2;
        assert_eq!(decode(&key(), V2, &newer), Err(Damage::Newer(2)));
        assert_eq!(decode(&key(), V2, b"something else"), Err(Damage::NotOurs));
    }
}

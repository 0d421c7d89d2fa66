//! The two file formats, which share their frame (docs/formats/engine-state-dir.md).

use sha2::{Digest, Sha256};
use std::fmt;
use vtpm_engine::{TpmState, TpmVersion};

/// Bytes in front of the contents.
const HEADER_BYTES: usize = 64;

/// The version of both formats that this program writes and reads.
const FORMAT: u16 = 1;

/// Length field of a part that is not there.
const ABSENT: u32 = u32::MAX;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The permanent state.
    State,
    /// A suspended TPM's volatile state.
    Suspended,
}

impl Kind {
    const fn magic(self) -> [u8; 8] {
        match self {
            Self::State => *b"vTPMstat",
            Self::Suspended => *b"vTPMsusp",
        }
    }
}

/// Why a file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It does not start with the magic.
    NotOurs,
    /// A later program wrote it.
    Newer(u16),
    /// Its lengths or its checksum do not fit its contents.
    Damaged,
    /// It belongs to the other TPM version.
    OtherTpm(TpmVersion),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("it is not a file of vtpm-engine"),
            Self::Newer(format) => {
                write!(f, "it has format {format}, and this program knows up to {FORMAT}")
            }
            Self::Damaged => f.write_str("it is damaged"),
            Self::OtherTpm(version) => write!(f, "it belongs to a TPM {version}"),
        }
    }
}

impl std::error::Error for Damage {}

/// A file's contents: two parts, the second of which may be absent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) first: Vec<u8>,
    pub(crate) second: Option<Vec<u8>>,
}

const fn tpm_number(version: TpmVersion) -> u16 {
    match version {
        TpmVersion::Tpm12 => 0x0102,
        TpmVersion::Tpm20 => 0x0200,
    }
}

/// Writes a file's bytes.
pub(crate) fn encode(kind: Kind, version: TpmVersion, parts: &Parts) -> Vec<u8> {
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(ABSENT);
    let mut bytes = Vec::new();
    bytes.extend(kind.magic());
    bytes.extend(FORMAT.to_be_bytes());
    bytes.extend(tpm_number(version).to_be_bytes());
    bytes.extend(length(&parts.first).to_be_bytes());
    bytes.extend(parts.second.as_deref().map_or(ABSENT, length).to_be_bytes());
    bytes.resize(HEADER_BYTES - 32, 0);
    let second = parts.second.as_deref().unwrap_or_default();
    let digest = Sha256::new().chain_update(&bytes).chain_update(&parts.first);
    bytes.extend(digest.chain_update(second).finalize());
    bytes.extend(&parts.first);
    bytes.extend(second);
    bytes
}

/// Reads a file's bytes.
///
/// # Errors
/// [`Damage`].
pub(crate) fn decode(kind: Kind, version: TpmVersion, bytes: &[u8]) -> Result<Parts, Damage> {
    let (header, contents) = bytes.split_at_checked(HEADER_BYTES).ok_or(Damage::Damaged)?;
    if !header.starts_with(&kind.magic()) {
        return Err(Damage::NotOurs);
    }
    let u16_at = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) << 16 | u32::from(u16_at(at + 2));
    if u16_at(8) > FORMAT {
        return Err(Damage::Newer(u16_at(8)));
    }
    let (described, digest) = header.split_at(HEADER_BYTES - 32);
    if Sha256::new().chain_update(described).chain_update(contents).finalize()[..] != *digest {
        return Err(Damage::Damaged);
    }
    let both = [TpmVersion::Tpm12, TpmVersion::Tpm20];
    match both.into_iter().find(|each| tpm_number(*each) == u16_at(10)) {
        Some(found) if found == version => split(contents, u32_at(12), u32_at(16)),
        Some(found) => Err(Damage::OtherTpm(found)),
        None => Err(Damage::Damaged),
    }
}

fn split(contents: &[u8], first: u32, second: u32) -> Result<Parts, Damage> {
    let first = usize::try_from(first).map_err(|_| Damage::Damaged)?;
    let (first, rest) = contents.split_at_checked(first).ok_or(Damage::Damaged)?;
    let second = match second {
        ABSENT if rest.is_empty() => None,
        length if usize::try_from(length) == Ok(rest.len()) => Some(rest.to_vec()),
        _ => return Err(Damage::Damaged),
    };
    Ok(Parts { first: first.to_vec(), second })
}

/// What identifies a state: a suspended TPM belongs to exactly one.
pub(crate) fn fingerprint(state: &TpmState) -> [u8; 32] {
    let length = u64::try_from(state.permanent.len()).unwrap_or(u64::MAX);
    Sha256::new()
        .chain_update(length.to_be_bytes())
        .chain_update(&state.permanent)
        .chain_update(state.saved.as_deref().unwrap_or_default())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: TpmVersion = TpmVersion::Tpm20;

    fn sample(second: Option<&[u8]>) -> Parts {
        Parts { first: b"permanent".to_vec(), second: second.map(<[u8]>::to_vec) }
    }

    #[test]
    fn what_is_written_is_read() {
        for second in [None, Some(&b"saved"[..]), Some(b"")] {
            let bytes = encode(Kind::State, V2, &sample(second));
            assert_eq!(decode(Kind::State, V2, &bytes), Ok(sample(second)));
        }
    }

    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let bytes = encode(Kind::State, V2, &sample(Some(b"saved")));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(decode(Kind::State, V2, &changed).is_err(), "byte {at}");
            assert!(decode(Kind::State, V2, &bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_other_tpm_and_the_other_file_are_named() {
        let bytes = encode(Kind::State, V2, &sample(None));
        let other = decode(Kind::State, TpmVersion::Tpm12, &bytes);
        assert_eq!(other, Err(Damage::OtherTpm(V2)));
        assert_eq!(decode(Kind::Suspended, V2, &bytes), Err(Damage::NotOurs));
        let mut newer = bytes;
        newer[9] = 2;
        assert_eq!(decode(Kind::State, V2, &newer), Err(Damage::Newer(2)));
    }
}

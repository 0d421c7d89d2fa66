//! What the encrypted image on a vTPM's disk holds: the TPM's state and the guests it has served.
//!
//! Every byte is in docs/formats/vtpm-image.md.

use alloc::vec::Vec;
use core::fmt;
use domain_io::DomainId;
use vtpm_engine::{TpmState, TpmVersion};
use vtpm_service::Past;
use zeroize::Zeroizing;

/// The version of the format that this crate writes.
pub const FORMAT_VERSION: u32 = 1;

/// Most guests that are remembered; the longest ago is forgotten first.
pub const MOST_GUESTS: usize = 256;

const MAGIC: [u8; 8] = *b"vTPMimg\0";
const HEAD_BYTES: usize = 64;
const NO_GUEST: u16 = u16::MAX;
const NO_SAVED: u32 = u32::MAX;

/// What an image holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Which TPM the state is of.
    pub version: TpmVersion,
    /// The TPM's state.
    pub state: TpmState,
    /// The guests served, of whom some may live no more.
    pub guests: Past,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image {{ TPM {}, {:?}, {:?} }}", self.version, self.state, self.guests)
    }
}

/// An image whose key and hash were right and that still cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoImage {
    /// It was written in a newer format.
    Newer {
        /// Its version.
        version: u32,
        /// The oldest version of a reader that understands it.
        needs: u32,
    },
    /// It does not have the form of an image.
    Malformed,
}

impl fmt::Display for NoImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { version, needs } => write!(
                f,
                "the saved state has format version {version} and needs a reader of version \
                 {needs}; this one is of version {FORMAT_VERSION}: start the image that wrote it"
            ),
            Self::Malformed => f.write_str("the saved state does not have the form of one"),
        }
    }
}

impl Image {
    /// The bytes. Secret; wiped when dropped.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let forgotten = self.guests.living.len().saturating_sub(MOST_GUESTS);
        let living = self.guests.living.iter().skip(forgotten);
        let count = self.guests.living.len() - forgotten;
        let saved = self.state.saved.as_deref();
        let bodies = self.state.permanent.len() + saved.map_or(0, <[u8]>::len);
        // All at once, so that no copy of a secret stays behind when it grows.
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD_BYTES + count * 2 + bodies));
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(&length(HEAD_BYTES).to_le_bytes());
        bytes.extend_from_slice(&length(self.state.permanent.len()).to_le_bytes());
        bytes.extend_from_slice(&saved.map_or(NO_SAVED, |s| length(s.len())).to_le_bytes());
        bytes.extend_from_slice(&length(count).to_le_bytes());
        let last = self.guests.last.map_or(NO_GUEST, |domain| domain.0);
        bytes.extend_from_slice(&last.to_le_bytes());
        bytes.push(number_of(self.version));
        bytes.resize(HEAD_BYTES, 0);
        living.for_each(|domain| bytes.extend_from_slice(&domain.0.to_le_bytes()));
        bytes.extend_from_slice(&self.state.permanent);
        bytes.extend_from_slice(saved.unwrap_or_default());
        bytes
    }

    /// Reads an image.
    ///
    /// # Errors
    /// [`NoImage`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NoImage> {
        let mut from = Reader(bytes);
        let magic: [u8; 8] = from.array()?;
        let (version, needs) = (from.u32()?, from.u32()?);
        if magic != MAGIC {
            return Err(NoImage::Malformed);
        }
        if needs > FORMAT_VERSION {
            return Err(NoImage::Newer { version, needs });
        }
        from.body(bytes)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], NoImage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NoImage::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NoImage> {
        self.bytes(N)?.try_into().map_err(|_| NoImage::Malformed)
    }

    fn u32(&mut self) -> Result<u32, NoImage> {
        self.array().map(u32::from_le_bytes)
    }

    fn length(&mut self) -> Result<usize, NoImage> {
        self.u32().map(|length| usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn body(&mut self, whole: &'a [u8]) -> Result<Image, NoImage> {
        let (head, permanent, saved, count) =
            (self.length()?, self.length()?, self.u32()?, self.length()?);
        let last = u16::from_le_bytes(self.array()?);
        let [version] = self.array()?;
        let version = version_of(version).ok_or(NoImage::Malformed)?;
        let mut rest = Self(whole.get(head..).ok_or(NoImage::Malformed)?);
        let guests = rest.bytes(count.checked_mul(2).ok_or(NoImage::Malformed)?)?;
        let pair = |pair: &[u8]| Some(DomainId(u16::from_le_bytes(pair.try_into().ok()?)));
        let living = guests.chunks_exact(2).filter_map(pair).collect();
        let permanent = rest.bytes(permanent)?.to_vec();
        let saved = match saved {
            NO_SAVED => None,
            length => Some(rest.bytes(usize::try_from(length).unwrap_or(usize::MAX))?.to_vec()),
        };
        if head < HEAD_BYTES || !rest.0.is_empty() {
            return Err(NoImage::Malformed);
        }
        let last = (last != NO_GUEST).then_some(DomainId(last));
        Ok(Image { version, state: TpmState { permanent, saved }, guests: Past { living, last } })
    }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NO_SAVED)
}

const fn number_of(version: TpmVersion) -> u8 {
    match version {
        TpmVersion::Tpm12 => 1,
        TpmVersion::Tpm20 => 2,
    }
}

const fn version_of(number: u8) -> Option<TpmVersion> {
    match number {
        1 => Some(TpmVersion::Tpm12),
        2 => Some(TpmVersion::Tpm20),
        _ => None,
    }
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;

//! Writing structures: big-endian as TPMs want them, little-endian as our own format has them.

use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Bytes under construction, wiped when dropped, since some of them are secrets.
#[derive(Default)]
pub(crate) struct Bytes(Zeroizing<Vec<u8>>);

impl Bytes {
    /// Room is taken at once, so that secrets are not left behind in outgrown memory.
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(1024)))
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Behind a 16-bit length (`TPM2B_*`). The caller's bytes are always far shorter than that
    /// length allows; what a TPM sent was read out of such a structure.
    pub(crate) fn sized(self, bytes: &[u8]) -> Self {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let kept = bytes.get(..usize::from(length)).unwrap_or(bytes);
        self.u16(length).bytes(kept)
    }

    /// Behind a 32-bit length, as TPM 1.2 writes them.
    pub(crate) fn sized32(self, bytes: &[u8]) -> Self {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).bytes(bytes)
    }

    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

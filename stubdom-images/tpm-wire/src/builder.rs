//! Writing packets.

use crate::header::HEADER_BYTES;
use crate::tag::Tag;
use alloc::vec::Vec;

/// A packet under construction; [`finish`](Self::finish) fills in its size.
#[derive(Clone, Debug)]
#[must_use = "a packet is only made by finish"]
pub struct PacketBuilder {
    bytes: Vec<u8>,
}

impl PacketBuilder {
    /// Starts a packet. `code` is an ordinal, a command code or a result, as the tag demands.
    pub fn new(tag: Tag, code: u32) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&tag.0.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&code.to_be_bytes());
        Self { bytes }
    }

    /// Appends bytes as they are.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    /// Appends a 16-bit number.
    pub fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a 32-bit number.
    pub fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends bytes behind a 16-bit length (`TPM2B_*`, Part 2, 10.3). More than 65,535 bytes are
    /// cut to that.
    pub fn sized(self, bytes: &[u8]) -> Self {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let kept = bytes.get(..usize::from(length)).unwrap_or(bytes);
        self.u16(length).bytes(kept)
    }

    /// The whole packet, its size field filled in.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let size = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        if let Some(field) = self.bytes.get_mut(2..HEADER_BYTES - 4) {
            field.copy_from_slice(&size.to_be_bytes());
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::PacketBuilder;
    use crate::tag::Tag;

    #[test]
    fn the_size_field_counts_the_whole_packet() {
        let packet = PacketBuilder::new(Tag::NO_SESSIONS, 0x17B).u16(32).finish();
        assert_eq!(packet, [0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7B, 0, 32]);
    }

    #[test]
    fn sized_bytes_carry_their_length() {
        let packet = PacketBuilder::new(Tag::NO_SESSIONS, 0).sized(b"ab").finish();
        assert_eq!(packet.get(10..), Some(&[0, 2, b'a', b'b'][..]));
    }
}

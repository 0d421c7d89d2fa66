//! The ten bytes in front of every packet.

use crate::reader::Reader;
use crate::tag::Tag;
use core::fmt;

/// Bytes in front of every packet: tag (2), size of the whole packet (4), code (4).
pub const HEADER_BYTES: usize = 10;

/// The largest packet, command or response, that fits a shared page without extra pages: 4096
/// bytes less the eight of `struct tpmif_shared_page` (Xen public/io/tpmif.h).
pub const MAX_PACKET_BYTES: usize = 4088;

/// The header of a packet whose size field matches its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Family and form of the packet.
    pub tag: Tag,
    /// Ordinal or command code in a command, result in a response.
    pub code: u32,
}

/// A packet's header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Fewer than [`HEADER_BYTES`] bytes.
    TooShort,
    /// The size field names another number of bytes than there are.
    Size {
        /// The tag, which tells in which form to answer.
        tag: Tag,
        /// What the size field says.
        claimed: u32,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "the packet is shorter than {HEADER_BYTES} bytes"),
            Self::Size { claimed, .. } => {
                write!(f, "the packet's size field says {claimed} bytes, which it does not have")
            }
        }
    }
}

impl Header {
    /// Takes a packet apart into header and body.
    ///
    /// # Errors
    /// [`HeaderError`] when there is no whole header or its size field is not the packet's length.
    pub fn parse(packet: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        let mut reader = Reader::new(packet);
        let mut read = || Ok((Tag(reader.u16()?), reader.u32()?, reader.u32()?, reader.rest()));
        let (tag, claimed, code, body) =
            read().map_err(|_: crate::Malformed| HeaderError::TooShort)?;
        if usize::try_from(claimed) != Ok(packet.len()) {
            return Err(HeaderError::Size { tag, claimed });
        }
        Ok((Self { tag, code }, body))
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, HeaderError};
    use crate::tag::Tag;

    #[test]
    fn a_header_is_tag_and_code() {
        let packet = [0x00, 0xC1, 0, 0, 0, 12, 0, 0, 0, 0x99, 0, 1];
        let (header, body) = Header::parse(&packet).unwrap();
        assert_eq!(header, Header { tag: Tag::RQU_COMMAND, code: 0x99 });
        assert_eq!(body, [0, 1]);
    }

    #[test]
    fn short_and_lying_packets_are_told_apart() {
        assert_eq!(Header::parse(&[0; 9]), Err(HeaderError::TooShort));
        let lying = [0x80, 0x01, 0, 0, 0, 11, 0, 0, 0, 0];
        let expected = HeaderError::Size { tag: Tag::NO_SESSIONS, claimed: 11 };
        assert_eq!(Header::parse(&lying), Err(expected));
    }
}

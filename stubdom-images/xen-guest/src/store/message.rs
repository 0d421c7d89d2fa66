//! Messages between a domain and xenstored (Xen public/io/xs_wire.h): a header of four 32-bit
//! words, then at most 4096 bytes.

use alloc::vec::Vec;

/// Most bytes after a header (`XENSTORE_PAYLOAD_MAX`).
pub(crate) const PAYLOAD_BYTES: usize = 4096;
const HEADER_BYTES: usize = 16;

/// What a message is (`enum xsd_sockmsg_type`), as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) u32);

impl Kind {
    pub(crate) const DIRECTORY: Self = Self(1);
    pub(crate) const READ: Self = Self(2);
    pub(crate) const WATCH: Self = Self(4);
    pub(crate) const UNWATCH: Self = Self(5);
    pub(crate) const WRITE: Self = Self(11);
    pub(crate) const RM: Self = Self(13);
    pub(crate) const WATCH_EVENT: Self = Self(15);
    pub(crate) const ERROR: Self = Self(16);
    pub(crate) const IS_DOMAIN_INTRODUCED: Self = Self(17);
    pub(crate) const DIRECTORY_PART: Self = Self(22);
}

/// One message without its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    /// Chosen by the request, repeated by the answer.
    pub(crate) id: u32,
    pub(crate) payload: Vec<u8>,
}

/// A message outside of any transaction; `None` when the parts are too long together.
pub(crate) fn encode(kind: Kind, id: u32, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let word = u32::try_from(length).ok().filter(|_| length <= PAYLOAD_BYTES)?;
    let mut message = Vec::with_capacity(HEADER_BYTES + length);
    for field in [kind.0, id, 0, word] {
        message.extend_from_slice(&field.to_le_bytes());
    }
    for part in parts {
        message.extend_from_slice(part);
    }
    Some(message)
}

/// The header announces more than a message may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Takes the first message off `stream` once all of it is there.
///
/// # Errors
/// [`TooLong`]; the stream then has no meaning any more.
pub(crate) fn decode(stream: &mut Vec<u8>) -> Result<Option<Message>, TooLong> {
    let word = |index: usize| -> Option<u32> {
        let bytes = stream.get(index * 4..index * 4 + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let (Some(kind), Some(id), Some(length)) = (word(0), word(1), word(3)) else {
        return Ok(None);
    };
    let length = length as usize;
    if length > PAYLOAD_BYTES {
        return Err(TooLong);
    }
    let Some(payload) = stream.get(HEADER_BYTES..HEADER_BYTES + length) else {
        return Ok(None);
    };
    let message = Message { kind: Kind(kind), id, payload: payload.to_vec() };
    stream.drain(..HEADER_BYTES + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_read_request_is_these_bytes() {
        let bytes = encode(Kind::READ, 7, &[b"name", b"\0"]).unwrap();
        let expected = b"\x02\0\0\0\x07\0\0\0\0\0\0\0\x05\0\0\0name\0";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn more_than_the_protocol_allows_is_refused_both_ways() {
        assert_eq!(encode(Kind::WRITE, 1, &[&[0; 4096], b"x"]), None);
        let mut stream = [2_u32, 1, 0, 4097].map(u32::to_le_bytes).concat();
        assert_eq!(decode(&mut stream), Err(TooLong));
    }

    proptest! {
        #[test]
        fn a_stream_cut_anywhere_gives_the_same_messages(
            messages in prop::collection::vec((any::<u32>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..50)), 0..6),
            cut in 1_usize..40,
        ) {
            let stream: Vec<u8> = messages
                .iter()
                .flat_map(|(kind, id, payload)| encode(Kind(*kind), *id, &[payload]).unwrap())
                .collect();
            let (mut buffer, mut found) = (Vec::new(), Vec::new());
            for piece in stream.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(message) = decode(&mut buffer).unwrap() {
                    found.push((message.kind.0, message.id, message.payload));
                }
            }
            prop_assert_eq!(found, messages);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn any_bytes_are_survived(mut stream: Vec<u8>) {
            let _ = decode(&mut stream);
        }
    }
}

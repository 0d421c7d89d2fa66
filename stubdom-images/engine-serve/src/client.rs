//! One connected client: bytes in, whole packets, bytes out.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use tpm_wire::{HEADER_BYTES, MAX_PACKET_BYTES, Tag, tpm12, tpm20};

/// What stands in a client's input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A whole command.
    Command(Vec<u8>),
    /// A packet of this tag whose size field cannot be followed; where the next one starts is
    /// unknown.
    Unusable(Tag),
    /// Part of a packet, or nothing.
    Incomplete,
}

/// A connection, served without ever waiting for it.
pub(crate) struct Client {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    closing: bool,
}

impl Client {
    /// Takes a fresh connection.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub(crate) fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, input: Vec::new(), output: Vec::new(), closing: false })
    }

    /// For waiting on it.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether a response waits for the client to read. Until it has, no further command of it is
    /// read, so that it cannot make this program hold more.
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Reads what has arrived, at most one packet's worth. `false` when the connection is over.
    pub(crate) fn receive(&mut self) -> bool {
        let mut bytes = [0; MAX_PACKET_BYTES];
        let room = MAX_PACKET_BYTES.saturating_sub(self.input.len());
        match self.stream.read(&mut bytes[..room]) {
            Ok(0) => room == 0,
            Ok(count) => {
                self.input.extend_from_slice(&bytes[..count]);
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Takes the first packet off the input.
    pub(crate) fn next(&mut self) -> Input {
        take_packet(&mut self.input)
    }

    /// Queues a response and sends what the client takes. `false` when the connection is over.
    pub(crate) fn answer(&mut self, response: &[u8]) -> bool {
        self.output.extend_from_slice(response);
        self.send()
    }

    /// As [`answer`](Self::answer), and then the connection ends.
    pub(crate) fn answer_and_close(&mut self, response: &[u8]) -> bool {
        self.closing = true;
        self.answer(response)
    }

    /// Sends what the client takes. `false` when the connection is over.
    pub(crate) fn send(&mut self) -> bool {
        match self.stream.write(&self.output) {
            Ok(count) => {
                self.output.drain(..count);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
        !(self.closing && self.output.is_empty())
    }
}

fn take_packet(input: &mut Vec<u8>) -> Input {
    let Some(header) = input.get(..HEADER_BYTES) else { return Input::Incomplete };
    let tag = Tag(u16::from_be_bytes([header[0], header[1]]));
    let size = u32::from_be_bytes([header[2], header[3], header[4], header[5]]);
    match usize::try_from(size) {
        Ok(size) if (HEADER_BYTES..=MAX_PACKET_BYTES).contains(&size) => {
            if input.len() < size {
                return Input::Incomplete;
            }
            let rest = input.split_off(size);
            Input::Command(std::mem::replace(input, rest))
        }
        _ => Input::Unusable(tag),
    }
}

/// The answer to a packet that cannot be followed: TPM_BAD_PARAM_SIZE or TPM_RC_COMMAND_SIZE.
pub(crate) fn bad_size(tag: Tag) -> Vec<u8> {
    match tag {
        Tag::NO_SESSIONS | Tag::SESSIONS => {
            tpm20::error_response(tpm20::ResponseCode::COMMAND_SIZE)
        }
        _ => tpm12::error_response(tpm12::TpmResult::BAD_PARAM_SIZE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_taken_one_by_one_however_they_arrive() {
        let one = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8];
        let mut input = [one, one].concat();
        assert_eq!(take_packet(&mut input), Input::Command(one.to_vec()));
        assert_eq!(take_packet(&mut input), Input::Command(one.to_vec()));
        assert_eq!(take_packet(&mut input), Input::Incomplete);
        for count in 0..one.len() {
            assert_eq!(take_packet(&mut one[..count].to_vec()), Input::Incomplete, "{count}");
        }
    }

    #[test]
    fn sizes_below_a_header_and_above_the_largest_packet_cannot_be_followed() {
        for size in [0, 9, 4089, u32::MAX] {
            let mut input = [&[0x80, 1][..], &size.to_be_bytes(), &[0, 0, 1, 0x7b]].concat();
            assert_eq!(take_packet(&mut input), Input::Unusable(Tag::NO_SESSIONS), "{size}");
        }
    }
}

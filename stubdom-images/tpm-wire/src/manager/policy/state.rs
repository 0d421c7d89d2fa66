//! States of PCRs, alone and approved.

use crate::builder::PacketBuilder;
use crate::header::HEADER_BYTES;
use crate::manager::{AnswerError, body_of, u64_of};
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use alloc::vec::Vec;

/// A state of PCRs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyState<'a> {
    /// Which PCRs, as in `sha256:5,7`.
    pub selection: &'a [u8],
    /// Their values, one after the other in the selection's order.
    pub values: &'a [u8],
}

impl<'a> PolicyState<'a> {
    pub(super) fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { selection: from.sized()?, values: from.sized()? })
    }

    pub(super) fn write(&self, packet: PacketBuilder) -> PacketBuilder {
        packet.sized(self.selection).sized(self.values)
    }
}

/// The public half of an administrator's key: ECDSA on P-256, coordinates big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyKey {
    /// The point's x coordinate.
    pub x: [u8; 32],
    /// Its y coordinate.
    pub y: [u8; 32],
}

impl PolicyKey {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { x: from.array()?, y: from.array()? })
    }

    pub(super) fn write(&self, packet: PacketBuilder) -> PacketBuilder {
        packet.bytes(&self.x).bytes(&self.y)
    }
}

/// A state that an administrator's key approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyApproval<'a> {
    /// The state.
    pub state: PolicyState<'a>,
    /// The epoch in which it is accepted.
    pub epoch: u64,
    /// ECDSA: r and s, big-endian.
    pub signature: [u8; 64],
}

impl<'a> PolicyApproval<'a> {
    pub(super) fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (epoch, signature) = (u64_of(from)?, from.array()?);
        Ok(Self { state: PolicyState::read(from)?, epoch, signature })
    }

    pub(super) fn write(&self, packet: PacketBuilder) -> PacketBuilder {
        let packet = packet.bytes(&self.epoch.to_be_bytes()).bytes(&self.signature);
        self.state.write(packet)
    }
}

/// One state of the machine with its values, as the manager tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedState {
    /// Which PCRs, as in `sha256:5,7`.
    pub selection: Vec<u8>,
    /// Their values.
    pub values: Vec<u8>,
    /// The epoch in which it is accepted; `None` where nobody has to approve.
    pub epoch: Option<u64>,
}

impl AcceptedState {
    /// The body of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let packet = PacketBuilder::new(Tag::VTPM_RSP2, 0)
            .sized(&self.selection)
            .sized(&self.values)
            .bytes(&self.epoch.unwrap_or(0).to_be_bytes())
            .finish();
        packet.get(HEADER_BYTES..).unwrap_or_default().to_vec()
    }

    /// Reads a whole answer.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn of_answer(answer: &[u8]) -> Result<Self, AnswerError> {
        let mut from = Reader::new(body_of(answer)?);
        let (selection, values) = (from.sized()?.to_vec(), from.sized()?.to_vec());
        let epoch = u64_of(&mut from)?;
        from.end()?;
        Ok(Self { selection, values, epoch: (epoch != 0).then_some(epoch) })
    }
}

/// Reads a whole answer that is the number of an epoch.
///
/// # Errors
/// [`AnswerError`].
pub fn epoch_of_answer(answer: &[u8]) -> Result<u64, AnswerError> {
    let mut from = Reader::new(body_of(answer)?);
    let epoch = u64_of(&mut from)?;
    from.end()?;
    Ok(epoch)
}

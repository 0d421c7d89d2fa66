//! What STATUS answers.

use super::{AnswerError, UuidBytes};
use super::{PROTOCOL_VERSION, body_of, optional_version, optional_version_byte, u64_of};
use crate::reader::{Malformed, Reader};
use crate::version::TpmVersion;
use alloc::vec::Vec;

/// What the manager has of a vTPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// No record: the uuid is unknown.
    Nothing,
    /// A record of a vTPM that has not saved anything.
    Record(TpmVersion),
    /// Saved state.
    State {
        /// Which TPM it is of.
        version: TpmVersion,
        /// How many saves were kept.
        generation: u64,
        /// An administrator's word that state of this older generation is taken once.
        accept_once: Option<u64>,
    },
}

/// The answer to [`Ordinal::STATUS`](super::Ordinal::STATUS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// What the manager has.
    pub kept: Kept,
    /// The hardware TPM that it uses.
    pub hardware: Option<TpmVersion>,
    /// Records are made only by a command from domain 0.
    pub explicit: bool,
    /// The random name of the manager's store.
    pub store: UuidBytes,
}

impl StatusReport {
    /// The body of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (has, version, generation, accepted) = match self.kept {
            Kept::Nothing => (0, None, 0, None),
            Kept::Record(version) => (1, Some(version), 0, None),
            Kept::State { version, generation, accept_once } => {
                (2, Some(version), generation, accept_once)
            }
        };
        let mut body = PROTOCOL_VERSION.to_be_bytes().to_vec();
        body.push(has);
        body.push(optional_version_byte(version));
        body.push(optional_version_byte(self.hardware));
        body.push(u8::from(self.explicit));
        body.extend_from_slice(&generation.to_be_bytes());
        body.extend_from_slice(&accepted.unwrap_or(0).to_be_bytes());
        body.extend_from_slice(&self.store);
        body
    }

    /// Reads a whole answer; passes over what a later version may add.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn of_answer(answer: &[u8]) -> Result<Self, AnswerError> {
        let mut reader = Reader::new(body_of(answer)?);
        let _protocol = reader.u32()?;
        let (has, version) = (reader.u8()?, optional_version(&mut reader)?);
        let hardware = optional_version(&mut reader)?;
        let explicit = reader.u8()? & 1 != 0;
        let (generation, accepted) = (u64_of(&mut reader)?, u64_of(&mut reader)?);
        let kept = match (has, version) {
            (0, None) => Kept::Nothing,
            (1, Some(version)) => Kept::Record(version),
            (2, Some(version)) => {
                let accept_once = (accepted != 0).then_some(accepted);
                Kept::State { version, generation, accept_once }
            }
            _ => return Err(Malformed::Value.into()),
        };
        Ok(Self { kept, hardware, explicit, store: reader.array()? })
    }
}

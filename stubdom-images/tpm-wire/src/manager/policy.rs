//! The body of POLICY, and what its operations answer.

use super::{AnswerError, Force, body_of};
use crate::builder::PacketBuilder;
use crate::header::HEADER_BYTES;
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use alloc::vec::Vec;

/// A state of PCRs to accept besides the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyState<'a> {
    /// Which PCRs, as in `sha256:5,7`.
    pub selection: &'a [u8],
    /// Their values, one after the other in the selection's order.
    pub values: &'a [u8],
}

/// What is to become of the policy under which the store's secret is sealed.
#[derive(Clone, PartialEq, Eq)]
pub enum PolicyCommand<'a> {
    /// Says what it is; answered with a [`PolicyReport`].
    Show,
    /// Seals the secret anew, to the machine as it is now.
    Reseal {
        /// Which PCRs, as in `sha256:5,7`; empty for the default.
        selection: &'a [u8],
        /// In spite of PCRs without measurements, or of a missing recovery key.
        force: Force,
        /// States to accept besides the present one.
        also: Vec<PolicyState<'a>>,
    },
    /// Makes a new recovery key; answered with its text. Secret.
    NewRecoveryKey,
    /// Opens a store whose policy refuses, and seals its secret to the machine as it is now, under
    /// the default selection.
    Recover {
        /// The recovery key's text. Secret.
        key: &'a [u8],
        /// In spite of PCRs without measurements.
        force: Force,
    },
}

impl<'a> PolicyCommand<'a> {
    /// Takes a body apart.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(body);
        let command = match from.u8()? {
            0 => Self::Show,
            1 => {
                let (force, selection) = (force(&mut from)?, from.sized()?);
                let mut also = Vec::new();
                for _ in 0..from.u16()? {
                    also.push(PolicyState { selection: from.sized()?, values: from.sized()? });
                }
                Self::Reseal { selection, force, also }
            }
            2 => Self::NewRecoveryKey,
            3 => {
                let force = force(&mut from)?;
                Self::Recover { key: from.sized()?, force }
            }
            _ => return Err(Malformed::Value),
        };
        from.end()?;
        Ok(command)
    }

    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let start = PacketBuilder::new(Tag::VTPM_REQ2, 0);
        let byte = |force: &Force| u8::from(*force == Force::Yes);
        let packet = match self {
            Self::Show => start.u8(0),
            Self::Reseal { selection, force, also } => {
                let count = u16::try_from(also.len()).unwrap_or(u16::MAX);
                let start = start.u8(1).u8(byte(force)).sized(selection).u16(count);
                also.iter()
                    .take(usize::from(count))
                    .fold(start, |packet, state| packet.sized(state.selection).sized(state.values))
            }
            Self::NewRecoveryKey => start.u8(2),
            Self::Recover { key, force } => start.u8(3).u8(byte(force)).sized(key),
        };
        packet.finish().get(HEADER_BYTES..).unwrap_or_default().to_vec()
    }
}

fn force(from: &mut Reader<'_>) -> Result<Force, Malformed> {
    match from.u8()? {
        0 => Ok(Force::No),
        1 => Ok(Force::Yes),
        _ => Err(Malformed::Value),
    }
}

/// What the store's secret is sealed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReport {
    /// 0 nothing (`hwtpm=none`), 1 a TPM 1.2, 2 a TPM 2.0.
    pub kind: u8,
    /// There is a recovery key.
    pub has_recovery_key: bool,
    /// An administrator's key approves states.
    pub has_administrator_key: bool,
    /// Checks were passed over by force.
    pub forced: bool,
    /// The states that are accepted: which PCRs, as in `sha256:5,7`.
    pub states: Vec<Vec<u8>>,
}

impl PolicyReport {
    /// The body of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.has_recovery_key)
            | u8::from(self.has_administrator_key) << 1
            | u8::from(self.forced) << 2;
        let count = u16::try_from(self.states.len()).unwrap_or(u16::MAX);
        let start = PacketBuilder::new(Tag::VTPM_RSP2, 0).u8(self.kind).u8(flags).u16(count);
        let states = self.states.iter().take(usize::from(count));
        let packet = states.fold(start, |packet, state| packet.sized(state)).finish();
        packet.get(HEADER_BYTES..).unwrap_or_default().to_vec()
    }

    /// Reads a whole answer.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn of_answer(answer: &[u8]) -> Result<Self, AnswerError> {
        let mut from = Reader::new(body_of(answer)?);
        let (kind, flags, count) = (from.u8()?, from.u8()?, from.u16()?);
        let mut state = || from.sized().map(<[u8]>::to_vec);
        let states = (0..count).map(|_| state()).collect::<Result<_, Malformed>>()?;
        from.end()?;
        Ok(Self {
            kind,
            has_recovery_key: flags & 1 != 0,
            has_administrator_key: flags & 2 != 0,
            forced: flags & 4 != 0,
            states,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::answer;
    use crate::tpm12::TpmResult;
    use alloc::vec;

    #[test]
    fn operations_and_the_report_come_back_as_they_were_sent() {
        let state = PolicyState { selection: b"sha256:5", values: &[7; 32] };
        for command in [
            PolicyCommand::Show,
            PolicyCommand::Reseal { selection: b"sha1:0", force: Force::Yes, also: vec![state] },
            PolicyCommand::NewRecoveryKey,
            PolicyCommand::Recover { key: b"ABCD", force: Force::No },
        ] {
            assert!(PolicyCommand::parse(&command.encode()) == Ok(command));
        }
        let report = PolicyReport {
            kind: 2,
            has_recovery_key: true,
            has_administrator_key: false,
            forced: true,
            states: vec![b"sha256:5,7".to_vec()],
        };
        let packet = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &report.encode());
        assert_eq!(PolicyReport::of_answer(&packet), Ok(report));
    }
}

//! What is to become of the policy.

use super::state::{PolicyApproval, PolicyKey, PolicyState};
use crate::builder::PacketBuilder;
use crate::header::HEADER_BYTES;
use crate::manager::Force;
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use alloc::vec::Vec;

/// What is to become of the policy under which the store's secret is sealed.
#[derive(Clone, PartialEq, Eq)]
pub enum PolicyCommand<'a> {
    /// Says what it is; answered with a [`PolicyReport`](super::PolicyReport).
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
    /// Makes a recovery key; answered with its text. Secret.
    NewRecoveryKey {
        /// Also when there is one, which opens nothing any more then.
        replace: Force,
    },
    /// Opens a store whose policy refuses, or begins anew without an administrator's key: seals the
    /// secret to the machine as it is now, under the default selection.
    Recover {
        /// The recovery key's text. Secret.
        key: &'a [u8],
        /// In spite of PCRs without measurements.
        force: Force,
    },
    /// One of the accepted states with its values; answered with an
    /// [`AcceptedState`](super::AcceptedState).
    Accepted(u16),
    /// The present values; answered as [`Accepted`](Self::Accepted).
    Present {
        /// Which PCRs; empty for those of the policy.
        selection: &'a [u8],
    },
    /// Accepts these states besides the present one and those that are accepted already.
    Add {
        /// In spite of PCRs without measurements.
        force: Force,
        /// The states.
        states: Vec<PolicyState<'a>>,
    },
    /// Accepts the present state alone.
    Drop {
        /// In spite of PCRs without measurements.
        force: Force,
    },
    /// Makes the epoch of approvals where there is none; answered with its number.
    PrepareEpoch,
    /// From now on this key approves what is accepted.
    Enrol {
        /// The key.
        key: PolicyKey,
        /// What it has approved, the present state among it.
        approvals: Vec<PolicyApproval<'a>>,
    },
    /// Accepts a state that the administrator's key approved.
    Approve(PolicyApproval<'a>),
    /// Ends every approval of the present epoch; answered with the number of the next.
    Retire,
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
                Self::Reseal { selection, force, also: states(&mut from)? }
            }
            2 => Self::NewRecoveryKey { replace: force(&mut from)? },
            3 => {
                let force = force(&mut from)?;
                Self::Recover { key: from.sized()?, force }
            }
            4 => Self::Accepted(from.u16()?),
            5 => Self::Present { selection: from.sized()? },
            6 => Self::Add { force: force(&mut from)?, states: states(&mut from)? },
            7 => Self::Drop { force: force(&mut from)? },
            8 => Self::PrepareEpoch,
            9 => {
                let (key, count) = (PolicyKey::read(&mut from)?, from.u16()?);
                let approvals = (0..count).map(|_| PolicyApproval::read(&mut from));
                Self::Enrol { key, approvals: approvals.collect::<Result<_, _>>()? }
            }
            10 => Self::Approve(PolicyApproval::read(&mut from)?),
            11 => Self::Retire,
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
                write_states(start.u8(1).u8(byte(force)).sized(selection), also)
            }
            Self::NewRecoveryKey { replace } => start.u8(2).u8(byte(replace)),
            Self::Recover { key, force } => start.u8(3).u8(byte(force)).sized(key),
            Self::Accepted(number) => start.u8(4).u16(*number),
            Self::Present { selection } => start.u8(5).sized(selection),
            Self::Add { force, states } => write_states(start.u8(6).u8(byte(force)), states),
            Self::Drop { force } => start.u8(7).u8(byte(force)),
            Self::PrepareEpoch => start.u8(8),
            Self::Enrol { key, approvals } => {
                let count = count(approvals);
                let start = key.write(start.u8(9)).u16(count);
                let approvals = approvals.iter().take(usize::from(count));
                approvals.fold(start, |packet, approval| approval.write(packet))
            }
            Self::Approve(approval) => approval.write(start.u8(10)),
            Self::Retire => start.u8(11),
        };
        packet.finish().get(HEADER_BYTES..).unwrap_or_default().to_vec()
    }
}

fn states<'a>(from: &mut Reader<'a>) -> Result<Vec<PolicyState<'a>>, Malformed> {
    (0..from.u16()?).map(|_| PolicyState::read(from)).collect()
}

fn write_states(packet: PacketBuilder, states: &[PolicyState<'_>]) -> PacketBuilder {
    let count = count(states);
    let states = states.iter().take(usize::from(count));
    states.fold(packet.u16(count), |packet, state| state.write(packet))
}

fn count<T>(all: &[T]) -> u16 {
    u16::try_from(all.len()).unwrap_or(u16::MAX)
}

fn force(from: &mut Reader<'_>) -> Result<Force, Malformed> {
    match from.u8()? {
        0 => Ok(Force::No),
        1 => Ok(Force::Yes),
        _ => Err(Malformed::Value),
    }
}

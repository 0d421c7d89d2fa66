//! What the policy is.

use super::state::PolicyKey;
use crate::builder::PacketBuilder;
use crate::header::HEADER_BYTES;
use crate::manager::{AnswerError, body_of, u64_of};
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use alloc::vec::Vec;

/// What the store's secret is sealed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReport {
    /// 0 nothing (`hwtpm=none`), 1 a TPM 1.2, 2 a TPM 2.0.
    pub kind: u8,
    /// There is a recovery key.
    pub has_recovery_key: bool,
    /// Checks were passed over by force.
    pub forced: bool,
    /// The key that approves states, once one was enrolled.
    pub administrator: Option<PolicyKey>,
    /// The epoch of approvals now; `None` without an administrator's key.
    pub epoch: Option<u64>,
    /// The states that are accepted.
    pub states: Vec<PolicyWay>,
}

/// A state that is accepted, without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWay {
    /// Which PCRs, as in `sha256:5,7`.
    pub selection: Vec<u8>,
    /// The epoch in which it is accepted; `None` where nobody has to approve.
    pub epoch: Option<u64>,
}

const RECOVERY_KEY: u8 = 1;
const ADMINISTRATOR: u8 = 1 << 1;
const FORCED: u8 = 1 << 2;

impl PolicyReport {
    /// The body of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flag = |is_set, bit| if is_set { bit } else { 0 };
        let flags = flag(self.has_recovery_key, RECOVERY_KEY)
            | flag(self.administrator.is_some(), ADMINISTRATOR)
            | flag(self.forced, FORCED);
        let count = u16::try_from(self.states.len()).unwrap_or(u16::MAX);
        let number = |epoch: Option<u64>| epoch.unwrap_or(0).to_be_bytes();
        let start = PacketBuilder::new(Tag::VTPM_RSP2, 0).u8(self.kind).u8(flags);
        let start = start.bytes(&number(self.epoch)).u16(count);
        let states = self.states.iter().take(usize::from(count));
        let packet = states.fold(start, |packet, state| {
            packet.sized(&state.selection).bytes(&number(state.epoch))
        });
        let packet = match &self.administrator {
            Some(key) => key.write(packet),
            None => packet,
        };
        packet.finish().get(HEADER_BYTES..).unwrap_or_default().to_vec()
    }

    /// Reads a whole answer.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn of_answer(answer: &[u8]) -> Result<Self, AnswerError> {
        let mut from = Reader::new(body_of(answer)?);
        let (kind, flags, epoch) = (from.u8()?, from.u8()?, number(&mut from)?);
        let count = from.u16()?;
        let mut state =
            || Ok(PolicyWay { selection: from.sized()?.to_vec(), epoch: number(&mut from)? });
        let states = (0..count).map(|_| state()).collect::<Result<_, Malformed>>()?;
        let has_administrator = flags & ADMINISTRATOR != 0;
        let administrator = has_administrator.then(|| PolicyKey::read(&mut from)).transpose()?;
        from.end()?;
        Ok(Self {
            kind,
            has_recovery_key: flags & RECOVERY_KEY != 0,
            forced: flags & FORCED != 0,
            administrator,
            epoch,
            states,
        })
    }
}

/// The number of an epoch; 0 is none.
fn number(from: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    let number = u64_of(from)?;
    Ok((number != 0).then_some(number))
}

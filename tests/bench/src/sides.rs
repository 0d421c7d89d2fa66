//! The two TPMs that are measured.

use crate::{ours::Ours, peer};
use anyhow::{Result, ensure};
use flow_tests::packets::response_code;
use peers::RawTpm;
use vtpm_engine::TpmState;

/// Something that answers TPM commands.
pub(crate) trait Tpm {
    /// One command, one answer.
    fn transmit(&mut self, packet: &[u8]) -> Result<Vec<u8>>;

    /// One command that must succeed.
    fn succeed(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        let answer = self.transmit(packet)?;
        ensure!(response_code(&answer) == 0, "{packet:02x?} was answered {answer:02x?}");
        Ok(answer)
    }
}

impl Tpm for RawTpm {
    fn transmit(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        Ok(RawTpm::transmit(self, packet)?)
    }
}

/// A vTPM of ours and, where it is installed, swtpm: the same TPM twice.
pub(crate) struct Sides {
    pub(crate) ours: Ours,
    peer: Option<(RawTpm, peer::Process)>,
    state: TpmState,
}

impl Sides {
    /// Manufactures one TPM and starts both sides with it.
    pub(crate) fn start() -> Result<Self> {
        let state = crate::ours::manufacture()?;
        let peer = peer::start(&state)?;
        Ok(Self { ours: Ours::start(state.clone())?, peer, state })
    }

    /// The TPM that both sides began with.
    pub(crate) fn state(&self) -> &TpmState {
        &self.state
    }

    /// The side that is ours, and the peer's.
    pub(crate) fn both(&mut self) -> (&mut dyn Tpm, Option<&mut dyn Tpm>) {
        let peer = self.peer.as_mut().map(|(tpm, _)| tpm as &mut dyn Tpm);
        (&mut self.ours, peer)
    }

    /// The same commands on both sides, each of which must succeed; the last answers.
    pub(crate) fn prepare(&mut self, packets: &[Vec<u8>]) -> Result<()> {
        let (ours, mut peer) = self.both();
        for packet in packets {
            ours.succeed(packet)?;
            if let Some(peer) = peer.as_mut() {
                peer.succeed(packet)?;
            }
        }
        Ok(())
    }
}

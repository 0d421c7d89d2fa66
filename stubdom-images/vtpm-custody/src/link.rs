//! Commands to the hardware TPM, repeated while it is busy, and the handles they leave behind.

use crate::error::CustodyError;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::Entropy;
use tpm_hw::{HardwareTpm, Time, is_busy};
use tpm_wire::{Header, Reader, Tag};

/// For a busy TPM to get round to a command. An NV write that is held back for its rate waits
/// seconds on some parts.
const BUSY_LIMIT: Duration = Duration::from_secs(60);
/// The first pause before a command is sent again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What custody works with: the TPM, time and randomness of the domain.
pub struct Platform<'a> {
    /// The TPM, started, with nobody else using it.
    pub tpm: &'a mut dyn HardwareTpm,
    /// For pauses while it is busy.
    pub time: &'a dyn Time,
    /// For keys, nonces and salts.
    pub entropy: &'a mut dyn Entropy,
}

/// A conversation with the TPM that remembers what it loaded.
pub(crate) struct Link<'a, 'p> {
    platform: &'a mut Platform<'p>,
    loaded: Vec<u32>,
}

/// A response that is not an error.
pub(crate) struct Response {
    pub(crate) tag: Tag,
    pub(crate) body: Vec<u8>,
}

impl<'a, 'p> Link<'a, 'p> {
    pub(crate) fn new(platform: &'a mut Platform<'p>) -> Self {
        Self { platform, loaded: Vec::new() }
    }

    pub(crate) fn entropy(&mut self) -> &mut dyn Entropy {
        self.platform.entropy
    }

    pub(crate) fn random<const N: usize>(&mut self) -> Result<[u8; N], CustodyError> {
        let mut bytes = [0; N];
        self.platform.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Sends a command and takes its answer, which is none of the TPM's errors. `step` is the
    /// command's name in messages.
    pub(crate) fn transmit(
        &mut self,
        step: &'static str,
        command: &[u8],
    ) -> Result<Response, CustodyError> {
        let (mut paused, mut pause) = (Duration::ZERO, FIRST_PAUSE);
        loop {
            let response = self.platform.tpm.transmit(command)?;
            let (header, body) =
                Header::parse(&response).map_err(|_| CustodyError::Malformed { step })?;
            let code = header.code;
            if code == 0 {
                return Ok(Response { tag: header.tag, body: body.to_vec() });
            }
            // An error leaves a session's nonces as they were, so the same authorisation still holds.
            if !is_busy(code) {
                return Err(CustodyError::refused(step, code));
            }
            if paused >= BUSY_LIMIT {
                return Err(CustodyError::Busy { step, code });
            }
            self.platform.time.pause(pause);
            paused = paused.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Remembers a transient handle, to be flushed at the end.
    pub(crate) fn remember(&mut self, handle: u32) {
        self.loaded.push(handle);
    }

    /// The handle is gone already: a session that its last command closed.
    pub(crate) fn forget(&mut self, handle: u32) {
        self.loaded.retain(|loaded| *loaded != handle);
    }

    /// The handles to be flushed, newest first; none are remembered afterwards.
    pub(crate) fn take_loaded(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.loaded).into_iter().rev().collect()
    }
}

/// Reads an answer with a parser; what does not parse is malformed.
pub(crate) fn parse<T>(
    step: &'static str,
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, tpm_wire::Malformed>,
) -> Result<T, CustodyError> {
    read(&mut Reader::new(bytes)).map_err(|_| CustodyError::Malformed { step })
}
